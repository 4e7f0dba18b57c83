"""What only a VMAgent has: remote write, rules, its arguments, and the whole of what it asks for."""

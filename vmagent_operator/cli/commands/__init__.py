"""One module a subcommand: its arguments, what it prints, its exit code."""

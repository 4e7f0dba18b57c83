"""What an API server does, asked of ours and of a real one in the same words."""

"""The operator as its users run it, against an API server of ours and a real one."""

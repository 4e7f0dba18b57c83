"""What only a VMSingle has: its data, its arguments, what is wrong with one."""

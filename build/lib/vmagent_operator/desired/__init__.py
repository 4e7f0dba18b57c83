"""The objects that an owner asks for, computed from a snapshot; pure."""

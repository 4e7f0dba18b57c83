"""The objects that a VMAgent asks for, computed from a snapshot; pure."""

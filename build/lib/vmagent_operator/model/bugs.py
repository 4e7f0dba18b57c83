"""What is kept of an error that nobody foresaw: enough to find it, and nothing of what it was about."""

import traceback
from pathlib import PurePath

FRAMES = 12
"""Innermost calls that are named; a recursion has hundreds."""


def trail(error: Exception) -> str:
    """The kind of an error and the way to it, on one line; not its own text, which may show a secret's value."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    way = " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} at {way}"

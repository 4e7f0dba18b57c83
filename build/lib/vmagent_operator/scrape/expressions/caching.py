"""Remembering what was found out about a text, without keeping the text of whoever writes long ones."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

from vmagent_operator import limits

T = TypeVar("T")


def cached(function: Callable[[str], T]) -> Callable[[str], T]:
    """`function`, which remembers its results for the few thousand short texts that it was given last."""
    remembering = lru_cache(maxsize=4096)(function)

    @wraps(function)
    def wrapper(text: str) -> T:
        return remembering(text) if len(text) <= limits.CACHED_CHARACTERS else function(text)

    return wrapper

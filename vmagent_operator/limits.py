"""Every limit on what others may write, declared once: a name, a number, and why that much.

What counts against a limit is looked at before anything is built from it; the message that names the limit stands on the
status of the object that exceeds it, and nobody else pays.
"""

from typing import Final

EXPRESSION_CHARACTERS: Final = 4096
"""A regular expression or series selector; the longest in public rule sets are a fifth of that."""
QUANTITY_CHARACTERS: Final = 64
"""A duration or a size."""
CACHED_CHARACTERS: Final = 256
"""Texts above this length are not kept in caches keyed by text."""
SERIES_OF_A_TARGET: Final = 10_000_000
"""A limit of series; vmagent takes 2 bytes for each of them with the first scrape of a target."""

"""Every limit on what others may write, declared once: a name, a number, and why that much.

What counts against a limit is looked at before anything is built from it; the message that names the limit stands on the
status of the object that exceeds it, and nobody else pays.
"""

from typing import Final

EXPRESSION_CHARACTERS: Final = 4096
"""A regular expression or series selector; the longest in public rule sets are a fifth of that."""
EXPRESSION_NESTING: Final = 100
"""Parentheses within each other in either; Go refuses 1000 levels of its own, of which one pair can be several."""
EXPRESSION_SIZE: Final = 20_000
"""Instructions of a compiled regular expression: vmagent keeps some 160 bytes for each, `[a-z]{1,1000}` is 2000."""
TEMPLATE_STEPS: Final = 1000
"""Expansions within one selector that has WITH templates: each may name the one before twice."""
QUANTITY_CHARACTERS: Final = 64
"""A duration or a size."""
URL_CHARACTERS: Final = 2048
"""The URL of a proxy; many servers take no longer ones."""
CACHED_CHARACTERS: Final = 256
"""Texts above this length are not kept in caches keyed by text."""

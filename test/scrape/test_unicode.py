"""Which characters Go's Unicode tables have: those of version 15.0, whatever Python's are."""

import pytest

from vmagent_operator.scrape.expressions.unicode import is_letter, is_printable


@pytest.mark.parametrize("char", "aéßЖñあ漢ꀀ\u31ba\u3007\u1c88\u4dff")
def test_what_has_long_been_there_is_there(char: str) -> None:
    assert is_printable(char)
    assert is_letter(char) is char.isalpha()


@pytest.mark.parametrize(
    "code", [0x0897, 0x1ACF, 0x1C89, 0x1C8A, 0x20C1, 0x2FFC, 0x2FFF, 0x31E4, 0x31E5, 0x31EF, 0x1C80 + 0xF, 0x10D4A]
)
def test_what_came_later_is_not(code: int) -> None:
    """Of which Python 3.11 knows nothing either, and 3.13 does."""
    assert not is_letter(chr(code))
    assert not is_printable(chr(code))

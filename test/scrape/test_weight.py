"""What an expression counts for: the parts as they were measured, and their sum."""

import pytest

from vmagent_operator.scrape.expressions.regex import weight


@pytest.mark.parametrize(
    ("text", "weighs"),
    [
        ("", 0),
        ("abc", 450),
        ("a.b", 510),
        ("^a$", 570),
        (".*a.+", 2170),  # of letters and `.*`, for which vmagent needs no compiled expression
        ("(?i)abc", 4700),
        ("(?i)a.", 4300),
        (r"\.", 3940),
        (r"\Qa.b\E", 4010),
        (r"\d", 3932),
        (r"\D", 53932),
        ("[abc]", 3980),
        ("(?i)[a-z]", 4380),
        ("[^:]", 53964),
        ("[[:alpha:]]", 4076),
        ("[[:^alpha:]]", 54092),
        (r"\pL", 22448),
        (r"\PL", 72448),
        (r"(?i)\pL", 72848),
        (r"[\pL]", 58980),
        (r"[\pL\PN]", 164028),
        ("()", 650),
        ("(a)", 800),
        ("(?:a)", 4300),
        ("a|b", 4810),
        ("a?", 4450),
        ("a?b?", 5400),
        ("a+", 4450),
        ("a{3}", 5200),
        ("a{2,3}", 5920),
        ("a{0,3}", 7360),
        ("a{2,}", 6250),
        ("x{2,}?", 6250),
        ("a{0,}", 5700),
        ("(a{2,}){3}", 18700),
        ("a{1000}", 403500),
        ("(ab){500}", 728500),
    ],
)
def test_the_weight_of_an_expression(text: str, weighs: int) -> None:
    assert weight(text) == weighs


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("x{1000}", 118_000),
        ("(?i)(abcdefgh){100}", 277_000),
        ("(a{0,10}){100}", 644_000),
        ("(x{2,}y{3,}){100}", 405_000),
        (r"[\pL]{300}", 14_000_000),
        ("b{30}", 16_000),
    ],
)
def test_nothing_counts_for_less_than_it_was_measured_to_take_nor_for_much_more(text: str, measured: int) -> None:
    assert measured <= weight(text) <= 3.5 * measured

"""Regular expressions are judged by the rules of Go, not by those of Python."""

import pytest

from vmagent_operator import limits
from vmagent_operator.scrape.expressions.characters import escape
from vmagent_operator.scrape.expressions.regex import fault, relabel_fault


@pytest.mark.parametrize(
    "text",
    [
        *("", "a.*|b", "^(.+)$", "(?i)x(?-s:y)z", "(?P<n>a)(?<m>b)", "(?P<n>a)(?P<n>b)", r"\pL\p{Greek}\d\z\Q(\E"),
        *("[]a-z^-]", "[[:alpha:]_]", "[[:alpha]", "[[:^digit:]]", "[a-]", r"[\d-z]", "[^]]", "[-a]", "[^^]"),
        *("a{2}?", "a{,3}", "{", "a{1000}", "a{01}", "a{2", "a{2,b}", "(a{100}){10}", "((a{1000}){0}){9}"),
        *(r"\12\x{41}", r"\x{00000000000041}", r"\_\-", "é+", "a||b", "()", "(|a)*", "a*(?i)*", r"a*\Q\E*", "x*"),
        *(r"\P{^lu}", r"\p{Lowercase_Letter}", r"\pN", "(?i)(?s-i)a", "(?U:a*)", r"\Q\\E"),
    ],
)
def test_expressions_that_go_takes(text: str) -> None:
    assert fault(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("(", ")", "a(b", "[a", "[z-a]", "[[:no:]]", r"[a-\d]", "[^]", "[", "[]", "*a", "a**", "a|*", "a{2}{3}"),
        *(
            "(?=a)",
            "(?<=a)b",
            "(?!a)",
            "(?i",
            "(?-)a",
            "(?i-)a",
            "(?)*",
            "(?:",
            "(?P<a-b>x)",
            "(?P=n)",
            "(?P<>a)",
            "(?",
        ),
        *(r"(a)\1", r"\Z", r"\q", "a\\", "a{2,1}", "a{1001}", r"[\z]", r"\x{110000}", r"\x{}", r"\x4", r"\é", r"\8"),
        *(
            r"\p{Old_Italic}",
            r"\p{Greek",
            r"\p{}",
            r"\p",
            r"\C",
            r"\Qa",
            "(a{100}){100}",
            "((a{20}){20}){20}",
            "\udcff",
        ),
    ],
)
def test_expressions_that_go_refuses(text: str) -> None:
    assert fault(text) is not None


@pytest.mark.parametrize("text", ["^*$", "^^a", "a$$", r"a\$"])
def test_anchors_around_the_expression_of_a_rule_are_left_out_first(text: str) -> None:
    assert (relabel_fault(text) is None) == (text != "^*$")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("a" * 16_385, limits.EXPRESSION_CHARACTERS),
        ("(" * 101 + ")" * 101, limits.EXPRESSION_NESTING),
        (f"({'a' * 30}){{1000}}", limits.EXPRESSION_SIZE),
        ("(a{1000}" * 25 + ")" * 25, limits.EXPRESSION_SIZE),
    ],
)
def test_a_limit_is_named(text: str, limit: int) -> None:
    assert f"more than {limit} " in (fault(text) or "")


def test_a_number_of_thousands_of_digits_is_no_number_of_repeats() -> None:
    assert "is no number of repeats up to 1000" in (fault(f"a{{{'9' * 4000}}}") or "")


@pytest.mark.parametrize(
    ("text", "char"), [(r"\a", "\a"), (r"\f", "\f"), (r"\n", "\n"), (r"\r", "\r"), (r"\t", "\t"), (r"\v", "\v")]
)
def test_an_escape_of_a_control_character_is_that_character(text: str, char: str) -> None:
    assert escape(text, 0) == (char, 2)

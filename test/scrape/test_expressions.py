"""Expressions are judged by the rules of Go and of MetricsQL, not by those of Python."""

import pytest

from vmagent_operator.scrape.checks.expressions import regex_fault, series_fault


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "a.*|b",
            "^(.+)$",
            "(?i)x(?-s:y)z",
            "(?P<n>a)(?<m>b)",
            r"\pL\p{Greek}\d\z\Q(\E",
            "[]a-z^-]",
            "[[:alpha:]_]",
        ),
        *("a{2}?", "a{,3}", "{", "a{1000}", r"\12\x{41}", "é+", "[^]]", "a||b", "()", "x**"[:2]),
    ],
)
def test_expressions_that_go_takes(text: str) -> None:
    assert regex_fault(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "(",
            ")",
            "a(b",
            "[a",
            "[z-a]",
            "[[:no:]]",
            r"[a-\d]",
            "[^]",
            "*a",
            "a**",
            "a|*",
            "(?=a)",
            "(?<=a)b",
            "(?!a)",
        ),
        *(r"(a)\1", r"\Z", r"\q", "a\\", "a{2,1}", "a{1001}", r"[\z]", r"\x{110000}", "(?", "(?P<>a)"),
    ],
)
def test_expressions_that_go_refuses(text: str) -> None:
    assert regex_fault(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        *("foo", "{}", '{a="b"}', " foo:bar{ a=~'x|y' , b!~`z` } ", '{a="x" or b="y", c="z",}', '{"a.b"="c"}', r"a\-b"),
        *('({a="b"})', '{a="x" + "y"}', 'WITH (x = {a="b"}) {x}', "{a='it\\'s'}", r'{a=~"\\d+"}', r"{a=~`\d+`}"),
    ],
)
def test_series_selectors(text: str) -> None:
    assert series_fault(text) is None


@pytest.mark.parametrize(
    "text", ["", "a b", "{a}", "{a=b}", '{a="b"', "foo[5m]", "sum(x)", "a + b", '{a=~"("}', "5", r'{a=~"\d+"}']
)
def test_what_is_no_series_selector(text: str) -> None:
    assert series_fault(text) is not None

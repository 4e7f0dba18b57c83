"""Series selectors are judged by the grammar of MetricsQL."""

import pytest

from vmagent_operator import limits
from vmagent_operator.scrape.expressions.series import fault, regexes
from vmagent_operator.scrape.expressions.tokens import NoSelectorError, tokens


@pytest.mark.parametrize(
    "text",
    [
        *("foo", "{}", '{a="b"}', " foo:bar{ a=~'x|y' , b!~`z` } ", '{a="x" or b="y", c="z",}', '{"a.b"="c"}', r"a\-b"),
        *(
            '({a="b"})',
            '{a="x" + "y"}',
            "{a='it\\'s'}",
            r'{a=~"\\d+"}',
            r"{a=~`\d+`}",
            "foo # why",
            "#\nfoo",
            "(a,)",
            "++a",
        ),
        *(
            '{"up"}',
            'foo{__name__="foo"}',
            '{or="a" or or="b"}',
            '{a="b" OR c="d"}',
            "with",
            "sum",
            "nano",
            "é",
            r"\x41b",
        ),
        *(
            '{"up",a="b" or "down"}',
            '{""="x"}',
            r'{a="\xff"}',
            "{a=`\n`}",
            "ru{a='b'}",
            "{a='\"'}",
            "up{}",
            '{__name__=""}',
        ),
        *('WITH (x = {a="b"}) {x}', 'with (x = {a="b"}, y = {x, c="d"}) y{e="f"}', 'with (x = "a", y = x+x) {a=y+"b"}'),
        *(
            'with (x = {a="b" or c="d"}) x{e="f"}',
            "with () a",
            'with (x = y) x{a="b" or c="d"}',
            '(with (a=b) ({x="y"}))',
        ),
    ],
)
def test_series_selectors(text: str) -> None:
    assert fault(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "a b",
            "{a}",
            '{="b"}',
            '{= = "b"}',
            '{5="a"}',
            "{a=b}",
            '{a="b"',
            "foo[5m]",
            "sum(x)",
            "a + b",
            '{a=~"("}',
            "5",
            r'{a=~"\d+"}',
            "nan",
            "INF",
        ),
        *(
            "foo\xa0",
            "\u2003foo",
            "with (a",
            "foo{__name__='bar'}",
            '{"up","down"}',
            '{a="b", or c="d"}',
            "{,}",
            '{a="b",,}',
        ),
        *(
            '{a=~"(a{100}){100}"}',
            r'{a=~"\xff"}',
            "-a",
            "a offset 5m",
            "a @ 1",
            "a or b",
            "()",
            "(a,b)",
            '"a"',
            "a keep_metric_names",
        ),
        *(
            r'{a="\'"}',
            r"{a='\"'}",
            '{a="\n"}',
            r'{a="\ud800"}',
            r'{a="\18a"}',
            r'{a="\17"}',
            r'{a="\400"}',
            r'{a="\x1"}',
            "{a=`\\`}",
            r"\x4",
            "\\\ufffd",
            "{ru}",
        ),
        *(
            "with (a=b, a=c) a",
            'with ("a"=b) c',
            "with ({=b) c",
            "with (a={b}) {a}",
            "with (f(x)={x}) f(y)",
            'with (a="b") {a}',
            "with (a=(b,c)) a",
            'with (a="b") a{c="d"}',
        ),
        *("\ud800", '{a="b" c="d"}', '{a=="b"}', 'foo "x"', '{"ru"}', 'with (x={a="b" or c="d"}) {x}'),
    ],
)
def test_what_is_no_series_selector(text: str) -> None:
    assert fault(text) is not None


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (f'{{a="{"b" * 16_384}"}}', limits.EXPRESSION_CHARACTERS),
        ("(" * 101 + "a" + ")" * 101, limits.EXPRESSION_NESTING),
        ('with (a0="x"' + "".join(f",a{n + 1}=a{n}+a{n}" for n in range(25)) + ") {a=a25}", limits.TEMPLATE_STEPS),
        ("with (a0={x='y'}" + "".join(f",a{n + 1}={{a{n},a{n}}}" for n in range(25)) + ") a25", limits.TEMPLATE_STEPS),
        ("with (a0={x='y'}" + "".join(f",a{n + 1}={{a{n}}}" for n in range(200)) + ") a200", limits.EXPRESSION_NESTING),
    ],
)
def test_a_limit_is_named(text: str, limit: int) -> None:
    assert f"more than {limit} " in (fault(text) or "")


@pytest.mark.parametrize("text", ['{a="b', "{a='b", '{a="b\\"', "{a=`b", '"', '"\\'])
def test_a_quote_that_is_not_closed_is_named(text: str) -> None:
    with pytest.raises(NoSelectorError, match="a missing"):
        tokens(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sum(x)", "'sum' is a function"),
        ("with (f(x)={x}) a", "'f' is a function"),
        ("{ru}", "'ru' is a function"),
        ("a b", "unexpected 'b'"),
        ("a abcdefghijkl", "unexpected 'abcdefghij'"),
        ("{a='b'", "unexpected end"),
        ("{a=`x\\`y`}", "a ` within ` quotes"),
        ("with (a=b, a=c) a", "two templates 'a'"),
        ("(a,b)", "something else comes out of it"),
    ],
)
def test_what_is_wrong_is_named(text: str, why: str) -> None:
    assert fault(text) == f"{text!r} is no series selector: {why}"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ('__name__="x",a="b" or c="d"', ("r", "r")),
        ('__name__="x",a="b" or c="d" or __name__="x"', ("r", "r", "r")),
        ('__name__="x" or __name__="y",a="b" or c="d"', ()),
        ('a="b" or c="d"', ()),
    ],
)
def test_a_template_that_one_alternative_names_stands_in_those_without_a_name_too(
    names: str, found: tuple[str, ...]
) -> None:
    assert regexes(f'with (x={{e=~"r"}}) {{{names}}}') == found


def test_of_a_long_text_the_beginning_is_shown() -> None:
    long = "a b" + "c" * 77
    assert fault(long) == f"{long!r} is no series selector: unexpected 'b{'c' * 9}'"
    assert fault(f"{long}d") == f"'{long}...' is no series selector: unexpected 'b{'c' * 9}'"

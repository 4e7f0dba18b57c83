"""YAML means what go-yaml v2 takes it for."""

from typing import Any

import pytest

from vmagent_operator.scrape.text import goyaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[y, N, on, Off, YES, true]", [True, False, True, False, True, True]),
        ("[~, null, Null, ]", [None, None, None]),
        ("[017, 0o17, 0x1F, -0b11, +5, 1_000, 0, -0]", [15, 15, 31, -3, 5, 1000, 0, 0]),
        ("[1e3, .5, 1., 08, -1_0.5]", [1000.0, 0.5, 1.0, 8.0, -10.5]),
        ("[.inf, -.Inf]", [float("inf"), float("-inf")]),
        ("[18446744073709551615, 18446744073709551616]", [2**64 - 1, float(2**64)]),
        (
            "[0x10000000000000000, 0o8, 1__, _1, 1:30, 2001-12-14]",
            ["0x10000000000000000", "0o8", 1, "_1", "1:30", "2001-12-14"],
        ),
        ("['1', \"true\", !!str 5, !!binary YQ==, !own x]", ["1", "true", "5", "a", "x"]),
        ("{on: 1, 5: 2, n: 3}", {True: 1, 5: 2, False: 3}),
        ("a: &a [x]\nb: *a", {"a": ["x"], "b": ["x"]}),
        ("a: &x 1\nb: *x\nc: &x [2]\nd: *x", {"a": 1, "b": 1, "c": [2], "d": [2]}),
        ("- &x {p: &y 1}\n- &x {q: *y, r: &y 2}\n- [*x, *y]", [{"p": 1}, {"q": 1, "r": 2}, [{"q": 1, "r": 2}, 2]]),
        ("first: 1\n---\nsecond: 2", {"first": 1}),
        ("", None),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert repr(goyaml.load(text)) == repr(value) or goyaml.load(text) == value


def test_merged_keys_give_way_to_own_ones_and_to_earlier_merged_ones() -> None:
    text = "- &a {p: 1, q: 2}\n- &b {q: 3, r: 4}\n- {q: 5, <<: *a}\n- {<<: [*a, *b], s: 0}"
    assert goyaml.load(text)[2:] == [{"p": 1, "q": 5}, {"p": 1, "q": 2, "r": 4, "s": 0}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: key 'a' is given twice"),
        ("? [a]\n: b", "line 1: a key must be a scalar"),
        ("a: {<<: 5}", "line 1: only mappings can be merged"),
        ("a: &a\n- *a", "line 1: more than 100 levels (limit YAML_NESTING), aliases followed"),
        ("a: &a\n  <<: *a", "line 1: more than 100 levels (limit YAML_NESTING), aliases followed"),
        ("[" * 900, "line 1: more than 100 levels (limit YAML_NESTING)"),
        ("a:\n- " + "1," * 3 + "\n- " + "9" * 5000, "line 3: a number of 5000 digits"),
        ("a: !!binary YQ", "line 1: no base64"),
        ("a: 1\nb: *x\nc: &x 1", "line 2: unknown anchor 'x'"),
    ],
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(goyaml.InvalidYAML) as caught:
        goyaml.load(text)
    assert str(caught.value) == message


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(goyaml.InvalidYAML, match=r"limit YAML_VALUES\), aliases followed"):
        goyaml.load("\n".join(levels))


@pytest.mark.parametrize(
    ("text", "fits", "limit"),
    [
        ("[" + "x," * 99_999 + "]", True, ""),
        ("[" + "x," * 100_000 + "]", False, "YAML_VALUES"),
        ("[" * 99 + "]" * 99, True, ""),
        ("[" * 102 + "]" * 102, False, "YAML_NESTING"),
        ("x" * (8 << 20), True, ""),
        ("x" * ((8 << 20) + 1), False, "YAML_CHARACTERS"),
    ],
    ids=lambda each: str(each)[:12],
)
def test_what_uses_a_limit_up_is_within_it(text: str, fits: bool, limit: str) -> None:
    if fits:
        assert goyaml.load(text)
        return
    with pytest.raises(goyaml.InvalidYAML, match=limit):
        goyaml.load(text)

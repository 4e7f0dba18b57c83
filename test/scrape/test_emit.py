"""What is written is read back as what it was, by go-yaml v2 (our reading of it) and by PyYAML."""

import math
import sys
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from test.scrape.golden import Loader
from vmagent_operator.limits import CACHED_CHARACTERS
from vmagent_operator.scrape.text import emit, goyaml

TRICKY = st.sampled_from(
    ("y", "null", "~", "1_0", "0o17", "08", "1e3", "1:30", "2001-12-14", "- a", "? b", "k: v", "a #b", "---", "<<", "=")
)
TEXT = st.one_of(
    TRICKY,
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.text(alphabet="ab \n'\"\\#:-", max_size=200),
)
SCALAR = st.one_of(TEXT, st.integers(-(2**63), 2**64 - 1), st.booleans(), st.none(), st.floats(allow_nan=False))
DOCUMENT = st.dictionaries(
    TEXT,
    st.recursive(
        SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
    ),
    max_size=4,
)


@given(DOCUMENT)
@example({"k" * 2000: ["a"], "b": [[], {}, [[1]]]})
@example({"a": "\n"})
@example({"a": "2020-01-01T00:00:00Z\\n", "b": ['2020-01-01T00:00:00Z", "c: d'], "e": "2020-01-01T00:00:00+01:00"})
@example({"a": ["word  " * 30 + "end", "'" + "word  " * 30 + "end", "\t" + "word  " * 30 + "end"]})
@example({"a": ["x " * 60, "'" + "x " * 60 + "\t"]})
def test_a_document_is_read_back_by_a_reader_of_go_yaml(document: Any) -> None:
    assert goyaml.load(emit.dump(document)) == document


@given(st.dictionaries(TEXT, TEXT | st.lists(TEXT), max_size=4))
def test_texts_are_read_back_by_pyyaml(document: Any) -> None:
    assert yaml.load(emit.dump(document), Loader=Loader) == document


@given(st.binary(max_size=200))
def test_bytes_that_are_no_text_are_read_back(content: bytes) -> None:
    text = content.decode(errors="surrogateescape")
    read = goyaml.load(emit.dump({"a": text}))["a"]
    assert read.encode(errors="surrogateescape") == content


def test_lone_halves_of_surrogate_pairs_are_replaced() -> None:
    assert goyaml.load(emit.dump({"a": "x\ud800"})) == {"a": "x\ufffd"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1000.0, "1000"),
        (1e6, "1e+06"),
        (1.5e-5, "1.5e-05"),
        (-0.25, "-0.25"),
        (123456.5, "123456.5"),
        (math.inf, ".inf"),
        (-math.inf, "-.inf"),
        (math.nan, ".nan"),
        (0.0, "0"),
    ],
)
def test_floats_look_as_go_prints_them(value: float, text: str) -> None:
    assert emit.dump([value]) == f"- {text}\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": {}, "b": [], "c": None}, "a: {}\nb: []\nc: null\n"),
        ([True, False, 5, {True: 1}], "- true\n- false\n- 5\n- true: 1\n"),
        ({"a": ["x", {"b": 1, "c": ["d"]}, [["e"]]]}, "a:\n- x\n- b: 1\n  c:\n  - d\n- - - e\n"),
        (
            {"a": "true", "b": "it's", "c": "- x", "d": "a: b", "e": ""},
            "a: \"true\"\nb: it's\nc: '- x'\nd: 'a: b'\ne: \"\"\n",
        ),
        (
            {"a": "one\ntwo\n", "b": " one\ntwo", "c": "x\n\n"},
            "a: |\n  one\n  two\nb: |2-\n   one\n  two\nc: |+\n  x\n\n",
        ),
        ({"a": "tab\t", "b": "\U0001f511", "c": "é"}, 'a: "tab\\t"\nb: "\\U0001F511"\nc: é\n'),
        ([], "[]\n"),
    ],
)
def test_style_is_that_of_go_yaml(value: Any, text: str) -> None:
    assert emit.dump(value) == text


@pytest.mark.parametrize("words", [5, 10, 40])
def test_a_text_is_folded_by_its_width_however_few_its_characters_are(words: int) -> None:
    document = {"a": " ".join(["\U0001f511\U0001f511"] * words)}
    text = emit.dump(document)
    assert max(map(len, text.splitlines())) <= emit.WIDTH + len("\\U0001F511") * 2
    assert len(text.splitlines()) > 1
    assert goyaml.load(text) == document


def test_a_text_is_folded_by_its_width_however_deep_it_stands() -> None:
    document: Any = "x y " * 5 + "z"
    for _ in range(36):
        document = {"a": document}
    assert emit.dump(document).splitlines()[-3:] == [
        " " * 70 + "a: x y x y x",
        " " * 72 + "y x y x y",
        " " * 72 + "z",
    ]


@pytest.mark.parametrize(("length", "is_kept"), [(CACHED_CHARACTERS, True), (CACHED_CHARACTERS + 1, False)])
def test_only_short_texts_are_remembered(length: int, is_kept: bool) -> None:
    text = ("remember " * length)[:length]
    held = sys.getrefcount(text)
    emit.dump([text])
    assert (sys.getrefcount(text) > held) == is_kept


def test_a_constant_is_written_like_any_mapping() -> None:
    rule = {"source_labels": ["a"], "target_label": "b"}
    assert emit.dump({"rules": [emit.Constant(rule), emit.Constant(rule)]}) == emit.dump({"rules": [rule, rule]})

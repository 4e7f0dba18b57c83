"""Nesting and parts of JSON, counted on its bytes: the same as a parser finds, for any bytes in linear time."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmagent_operator.kube import nesting

TRICKY = st.text(st.sampled_from('{}[]",:\\/bnu a\n'), max_size=8)
JSON = st.recursive(
    st.none() | st.integers() | TRICKY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TRICKY, inner, max_size=4),
    max_leaves=20,
)


def levels(value: Any) -> int:
    if isinstance(value, dict | list):
        return 1 + max(map(levels, value.values() if isinstance(value, dict) else value), default=0)
    return 0


@given(JSON, st.sampled_from([None, 1]))
def test_depth_is_that_of_the_parsed_value(value: Any, indent: int | None) -> None:
    assert nesting.depth(json.dumps(value, indent=indent).encode()) == levels(value)


@given(st.dictionaries(TRICKY, JSON, max_size=4))
def test_members_are_those_of_the_parsed_object(value: dict[str, Any]) -> None:
    found = nesting.members(json.dumps(value).encode())
    assert {json.loads(f'"{name}"'): json.loads(part) for name, part in found.items()} == value


@given(st.lists(JSON, max_size=4))
def test_elements_are_those_of_the_parsed_array(value: list[Any]) -> None:
    assert [json.loads(part) for part in nesting.elements(json.dumps(value).encode())] == value


@given(st.binary() | st.text(st.sampled_from('{}[]",:\\x')).map(str.encode))
def test_any_bytes_will_do(text: bytes) -> None:
    nesting.depth(text)
    nesting.members(text)
    nesting.elements(text)


@pytest.mark.parametrize("text", [b"[" * 101, b'{"a":' * 101, b"[{" * 51, b'["[",' * 101])
def test_what_exceeds_the_limit(text: bytes) -> None:
    assert nesting.exceeds(text, 100)
    assert not nesting.exceeds(text, 102)


def test_what_is_wide_is_not_deep() -> None:
    assert not nesting.exceeds(b"[" + b"[],{}," * 1000 + b'"' + b"[" * 1000 + b'"]', 2)


@pytest.mark.parametrize("piece", [b"[", b'"', b"\\", b'\\"', b'"[', b'{"":', b"[]", b'"a"', b'"\\', b" ", b'["",'])
@pytest.mark.parametrize("read", [nesting.depth, nesting.members, nesting.elements])
def test_time_is_linear(read: Any, piece: bytes) -> None:
    """Ten times the bytes in less than fifty times the processor's time, where a square would need a hundred."""

    def seconds(count: int) -> float:
        text = b"[" + piece * count
        began = time.thread_time()
        read(text)
        return time.thread_time() - began

    few = max(min(seconds(5_000) for _ in range(5)), 0.002)
    assert min(seconds(50_000) for _ in range(5)) < 50 * few

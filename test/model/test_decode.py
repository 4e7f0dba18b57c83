"""JSON -> model."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

import pytest
from attrs import field, frozen

from test.model.tables import HTTP, Discovery, Selector
from vmagent_operator.limits import OBJECT_JOBS, OBJECT_LABELS, OBJECT_PARTS
from vmagent_operator.model.decode import DecodeError, Manifest, decode
from vmagent_operator.model.encode import to_json
from vmagent_operator.model.fields import Field


def test_null_is_absent_and_unknown_keys_are_reported_with_their_path() -> None:
    raw = {"server": "a", "services": None, "served": 1, "token": {"key": "k", "nmae": "x"}, "followRedirects": False}
    decoded = decode(Discovery, raw, at="spec.consul[0]")
    assert decoded.value == Discovery(server="a", http=HTTP(follow_redirects=False, token=Selector(key="k")))
    assert decoded.unknown == ("spec.consul[0].served", "spec.consul[0].token.nmae")


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({}, "spec.server: required"),
    ({"server": 5}, "spec.server: expected string, got integer"),
    ({"server": "a", "scheme": "ftp"}, "spec.scheme: expected one of HTTP, HTTPS, got 'ftp'"),
    ({"server": "a", "scheme": "http"}, "spec.scheme: expected one of HTTP, HTTPS, got 'http' (did you mean HTTP?)"),
    ({"server": "a", "scheme": 5}, "spec.scheme: expected one of HTTP, HTTPS, got 5"),
    ({"server": "a", "services": ["web", 80]}, "spec.services[1]: expected string, got integer"),
    ({"server": "a", "services": "web"}, "spec.services: expected array, got string"),
    ({"server": "a", "meta": {"k": True}}, "spec.meta.k: expected string, got boolean"),
    ({"server": "a", "port": 1.5}, "spec.port: expected integer or string, got number"),
    ({"server": "a", "port": True}, "spec.port: expected integer or string, got boolean"),
    ({"server": "a", "limit": True}, "spec.limit: expected integer, got boolean"),
    ({"server": "a", "size": "1 mb"}, "spec.size: must match ^[0-9]+(kb|mb)?$"),
    ({"server": "a", "regex": 5}, "spec.regex: expected string or array, got integer"),
    ({"server": "a", "regex": ["x", 5]}, "spec.regex[1]: expected string, got integer"),
    ({"server": "a", "containers": ["x"]}, "spec.containers[0]: expected object, got string"),
    ({"server": "a", "containers": [{"name": None}]}, "spec.containers[0].name: required"),
    ({"server": "a", "meta": []}, "spec.meta: expected object, got array"),
    ({"server": "a", "port": {}}, "spec.port: expected integer or string, got object"),
    ({"server": "a", "token": date(2026, 1, 1)}, "spec.token: expected object, got date"),
    ({"server": "a", "containers": [{}]}, "spec.containers[0].name: required"),
    ({"server": "a", "token": {"name": "x"}}, "spec.token.key: required"),
    (
        {"limit": "1", "ratio": "x"},
        "spec.ratio: expected number, got string; spec.limit: expected integer, got string; spec.server: required",
    ),
]


@pytest.mark.parametrize(("raw", "message"), FAULTS)
def test_every_fault_is_named_at_its_path(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(DecodeError) as error:
        decode(Discovery, raw)
    assert str(error.value) == message


def test_a_document_of_another_type_is_one_fault() -> None:
    with pytest.raises(DecodeError, match=r"^spec: expected object, got array$"):
        decode(Discovery, [])


def test_a_document_without_a_name_has_paths_that_start_with_its_keys() -> None:
    with pytest.raises(DecodeError) as error:
        decode(Discovery, {"limit": "x", "served": 1}, at="")
    assert str(error.value) == "limit: expected integer, got string; server: required"
    assert error.value.unknown == ("served",)
    assert error.value.bug == ""


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"source_labels": ["x"]}, ("x",)),
        ({"source_labels": ["x"], "sourceLabels": ["y"]}, ("y",)),
        ({"source_labels": ["x"], "sourceLabels": []}, ("x",)),
        ({"source_labels": None, "sourceLabels": []}, ()),
    ],
)
def test_an_alias_is_read_only_when_the_key_says_nothing(given: Manifest, read: tuple[str, ...]) -> None:
    assert decode(Discovery, {"server": "a", **given}).value.source_labels == read


def test_a_whole_number_will_do_for_any_number() -> None:
    ratio = decode(Discovery, {"server": "a", "ratio": 2}).value.ratio
    assert (ratio, type(ratio)) == (2.0, float)


def test_a_text_will_do_for_a_list_of_one() -> None:
    assert decode(Discovery, {"server": "a", "regex": "x"}).value.regex == ("x",)


def test_an_entry_of_a_map_that_is_null_is_absent() -> None:
    assert decode(Discovery, {"server": "a", "meta": {"a": None, "b": ""}}).value.meta == {"b": ""}


def test_parts_of_which_nothing_is_given_are_one_object() -> None:
    first, second = (decode(Discovery, {"server": server}).value.http for server in "ab")
    assert first == HTTP()
    assert first is second


@frozen(kw_only=True)
class Strict:
    """A table that refuses what it does not know."""

    STRICT: ClassVar[bool] = True
    number: Annotated[int, Field("")] = 0
    large: Annotated[int, Field("", unsigned=True)] = 0
    numbers: Annotated[tuple[int, ...], Field("", most=OBJECT_JOBS)] = ()
    word: Annotated[Literal["", "one"], Field("")] = ""


@frozen(kw_only=True)
class Parts:
    """Lists and maps, that count together."""

    some: Annotated[tuple[Strict, ...], Field("")] = ()
    more: Annotated[tuple[Strict, ...], Field("")] = ()
    words: Annotated[tuple[str, ...], Field("")] = ()
    labels: Annotated[Mapping[str, str], Field("")] = field(factory=dict)
    by_name: Annotated[Mapping[str, Strict], Field("")] = field(factory=dict)


def labels(count: int) -> dict[str, str]:
    """So many."""
    return {f"l{number}": "" for number in range(count)}


def named(count: int) -> dict[str, Manifest]:
    """So many."""
    return {f"n{number}": {} for number in range(count)}


SIGNED = "must be between -9223372036854775808 and 9223372036854775807"


@pytest.mark.parametrize(
    ("cls", "given", "faults"),
    [
        (Strict, {"nummer": 1}, ["spec.nummer: unknown key"]),
        (Parts, {"some": [{"a": 1, "b": 2}]}, ["spec.some[0].a: unknown key", "spec.some[0].b: unknown key"]),
        (Strict, {"number": (1 << 63) - 1}, []),
        (Strict, {"number": -(1 << 63)}, []),
        (Strict, {"number": 1 << 63}, [f"spec.number: {SIGNED}"]),
        (Strict, {"number": -(1 << 63) - 1}, [f"spec.number: {SIGNED}"]),
        (Strict, {"large": (1 << 64) - 1}, []),
        (Strict, {"large": 1 << 64}, ["spec.large: must be between 0 and 18446744073709551615"]),
        (Strict, {"large": -1}, ["spec.large: must be between 0 and 18446744073709551615"]),
        (Strict, {"word": ""}, []),
        (Strict, {"word": "two"}, ["spec.word: expected one of one, got 'two'"]),
        (Strict, {"numbers": [1] * OBJECT_JOBS}, []),
        (Strict, {"numbers": ["x"] * (OBJECT_JOBS + 1)}, [f"spec.numbers: {OBJECT_JOBS.exceeded}"]),
        (Strict, {"numbers": "x" * (OBJECT_JOBS + 1)}, ["spec.numbers: expected array, got string"]),
        (Parts, {"some": [{}], "more": [{}] * (OBJECT_PARTS - 1)}, []),
        (Parts, {"some": [{}], "more": [5] * OBJECT_PARTS}, [f"spec.more: {OBJECT_PARTS.exceeded}"]),
        (Parts, {"words": ["x"] * (OBJECT_PARTS + 1)}, []),
        (Parts, {"labels": labels(1), "byName": named(OBJECT_LABELS - 1)}, []),
        (Parts, {"labels": labels(1), "byName": named(OBJECT_LABELS)}, [f"spec.byName: {OBJECT_LABELS.exceeded}"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_too_much_is_refused_and_what_is_just_within_is_read(
    cls: type[object], given: Manifest, faults: list[str]
) -> None:
    if not faults:
        assert decode(cls, given).value
        return
    with pytest.raises(DecodeError) as error:
        decode(cls, given)
    assert [str(fault) for fault in error.value.faults] == faults


def test_what_is_decoded_encodes_back() -> None:
    raw = {
        "server": "a", "scheme": "HTTP", "services": ["w"], "meta": {"a": "b"}, "port": "http", "ratio": 0.5, "limit": 3, "size": "1mb",
        "regex": ["a"], "containers": [{"name": "c", "newer": {"field": 1}}], "followRedirects": True, "token": {"name": "n", "key": "k"},
    }  # fmt: skip
    assert to_json(decode(Discovery, raw).value) == raw

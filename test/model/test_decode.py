"""JSON -> model."""

from typing import Annotated, Any

import pytest
from attrs import frozen

from test.model.tables import HTTP, Discovery, Selector
from vmagent_operator.model.decode import DecodeError, decode
from vmagent_operator.model.encode import to_json
from vmagent_operator.model.fields import Field, slots


def test_null_is_absent_and_unknown_keys_are_reported_with_their_path() -> None:
    raw = {"server": "a", "services": None, "served": 1, "token": {"key": "k", "nmae": "x"}, "followRedirects": False}
    decoded = decode(Discovery, raw, at="spec.consul[0]")
    assert decoded.value == Discovery(server="a", http=HTTP(follow_redirects=False, token=Selector(key="k")))
    assert decoded.unknown == ("spec.consul[0].served", "spec.consul[0].token.nmae")


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({}, "spec.server: required"),
    ({"server": 5}, "spec.server: expected string, got integer"),
    ({"server": "a", "scheme": "ftp"}, "spec.scheme: expected one of HTTP, HTTPS, got 'ftp'"),
    ({"server": "a", "services": ["web", 80]}, "spec.services[1]: expected string, got integer"),
    ({"server": "a", "services": "web"}, "spec.services: expected array, got string"),
    ({"server": "a", "meta": {"k": True}}, "spec.meta.k: expected string, got boolean"),
    ({"server": "a", "port": 1.5}, "spec.port: expected integer or string, got number"),
    ({"server": "a", "port": True}, "spec.port: expected integer or string, got boolean"),
    ({"server": "a", "limit": True}, "spec.limit: expected integer, got boolean"),
    ({"server": "a", "size": "1 mb"}, "spec.size: must match ^[0-9]+(kb|mb)?$"),
    ({"server": "a", "regex": 5}, "spec.regex: expected string or array, got integer"),
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


def test_an_alias_is_read_only_when_the_key_is_absent() -> None:
    read = decode(Discovery, {"server": "a", "source_labels": ["x"]}).value
    assert read.source_labels == ("x",)
    both = decode(Discovery, {"server": "a", "source_labels": ["x"], "sourceLabels": ["y"]}).value
    assert both.source_labels == ("y",)


def test_what_is_decoded_encodes_back() -> None:
    raw = {
        "server": "a", "scheme": "HTTP", "services": ["w"], "meta": {"a": "b"}, "port": "http", "ratio": 0.5, "limit": 3, "size": "1mb",
        "regex": ["a"], "containers": [{"name": "c", "newer": {"field": 1}}], "followRedirects": True, "token": {"name": "n", "key": "k"},
    }  # fmt: skip
    assert to_json(decode(Discovery, raw).value) == raw


def test_a_type_outside_the_closed_set_is_refused_when_first_walked() -> None:
    @frozen
    class Odd:
        when: Annotated[bytes, Field("Bytes.")] = b""

    with pytest.raises(TypeError, match=r"^Odd\.when: <class 'bytes'> is none of the shapes"):
        slots(Odd)

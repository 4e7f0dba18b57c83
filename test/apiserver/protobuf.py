"""Protobuf bodies, which kubectl sends of built-in kinds: read by the field numbers of `builtin.json` into what JSON would have said."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from test.apiserver.schema import definitions

Json = dict[str, Any]
Fields = dict[int, list[int | bytes]]
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED = {FIXED64: 8, FIXED32: 4}
META = "io.k8s.apimachinery.pkg.apis.meta.v1."


def decode(body: bytes) -> Json:
    """The object in `body`. Raises ValueError for anything that is not one of a built-in kind."""
    if not body.startswith(MAGIC):
        raise ValueError("the body does not begin as protobuf of Kubernetes does")
    unknown = _fields(body[len(MAGIC) :])
    meta = _fields(_bytes(unknown, 1))
    api_version, kind = _bytes(meta, 1).decode(), _bytes(meta, 2).decode()
    name = _names().get((api_version, kind))
    if name is None:
        raise ValueError(f"no kind {kind!r} is registered for version {api_version!r}")
    return {"apiVersion": api_version, "kind": kind, **_message(name, _bytes(unknown, 2))}


@cache
def _names() -> Mapping[tuple[str, str], str]:
    """Definitions by (apiVersion, kind)."""
    found = {}
    for name, schema in definitions().items():
        for one in schema.get("x-kubernetes-group-version-kind", ()):
            found["/".join(filter(None, (one["group"], one["version"]))), one["kind"]] = name
    return found


def _message(name: str, data: bytes) -> Any:
    if name in SPECIAL:
        return SPECIAL[name](_fields(data))
    fields, out = _fields(data), {}
    for key, schema in definitions()[name].get("properties", {}).items():
        if found := _at(fields, schema.get("x-number", "")):
            out[key] = _value(schema, found)
    return out


def _at(fields: Fields, path: str) -> list[int | bytes]:
    """What stands at a path of numbers such as `2.1`."""
    *outer, last = map(int, path.split(".")) if path else (0,)
    for number in outer:
        fields = _fields(_bytes(fields, number))
    return fields.get(last, [])


def _value(schema: Json, found: list[int | bytes]) -> Any:
    """The value of a field, of which `found` holds every occurrence."""
    if schema.get("type") == "array":
        return [_one(schema["items"], one) for one in found]
    if "additionalProperties" in schema:
        entries = [_fields(one) for one in found if isinstance(one, bytes)]
        return {_bytes(one, 1).decode(): _one(schema["additionalProperties"], one.get(2, [b""])[0]) for one in entries}
    return _one(schema, found[-1])


def _one(schema: Json, value: int | bytes) -> Any:
    if "$ref" in schema:
        return _message(schema["$ref"].rpartition("/")[2], value if isinstance(value, bytes) else b"")
    if isinstance(value, int):
        return bool(value) if schema.get("type") == "boolean" else value - (1 << 64) * (value >> 63)
    if schema.get("type") == "array":  # a list within a map is a message of its own
        return [_one(schema["items"], one) for one in _fields(value).get(1, ())]
    if schema.get("format") == "byte":
        return b64encode(value).decode()
    return value.decode()


def _time(fields: Fields) -> str | None:
    seconds = fields.get(1)
    if not seconds or not isinstance(seconds[0], int):
        return None
    return datetime.fromtimestamp(seconds[0], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _int_or_string(fields: Fields) -> int | str:
    number = (fields.get(2) or [0])[-1]
    return _bytes(fields, 3).decode() if fields.get(1, [0])[-1] else int(number)


def _raw(fields: Fields) -> Any:
    return json.loads(_bytes(fields, 1) or b"null")


SPECIAL: Mapping[str, Callable[[Fields], Any]] = {
    META + "Time": _time,
    META + "MicroTime": _time,
    META + "FieldsV1": _raw,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": _raw,
    "io.k8s.apimachinery.pkg.api.resource.Quantity": lambda fields: _bytes(fields, 1).decode(),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
}
"""Messages that JSON writes as something else than an object."""


def _bytes(fields: Fields, number: int) -> bytes:
    found = fields.get(number, [b""])[-1]
    return found if isinstance(found, bytes) else b""


def _fields(data: bytes) -> Fields:
    """Every field of a message by its number. Raises ValueError for a message that breaks off."""
    found: Fields = {}
    for number, value in _pairs(data):
        found.setdefault(number, []).append(value)
    return found


def _pairs(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == BYTES:
            size, at = _varint(data, at)
        elif wire in FIXED:
            size = FIXED[wire]
        else:
            raise ValueError(f"protobuf: wire type {wire}")
        if at + size > len(data):
            raise ValueError("protobuf: the message breaks off")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at
    raise ValueError("protobuf: a number breaks off")

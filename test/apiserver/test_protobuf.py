"""Protobuf bodies: what real encoders write of each shape, and what none does."""

import pytest

from test.apiserver.protobuf import MAGIC, decode


def field(number: int, value: int | bytes) -> bytes:
    """One field, as an encoder writes it."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value % (1 << 64))
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def document(api_version: str, kind: str, body: bytes) -> bytes:
    meta = field(1, api_version.encode()) + field(2, kind.encode())
    return MAGIC + field(1, meta) + field(2, body)


NAME = field(1, field(1, b"x") + field(8, b"") + field(11, field(1, b"a") + field(2, b"b")))
"""Metadata with a name, an empty creation time and a label."""
META = {"name": "x", "creationTimestamp": None, "labels": {"a": "b"}}
TIMED = field(1, field(8, field(1, 1_700_000_000)))
VOLUME = field(1, b"v") + field(2, field(2, field(2, field(1, b"1Gi"))))
"""A volume whose source is a message of its own in protobuf, and none in JSON."""
PORT = field(3, 80) + field(4, field(1, 1) + field(3, b"http"))
CASES = {
    "bytes become base64": ("v1", "Secret", NAME + field(2, field(1, b"k") + field(2, b"\xff")),
                            {"metadata": META, "data": {"k": "/w=="}}),
    "a time": ("v1", "Namespace", TIMED, {"metadata": {"creationTimestamp": "2023-11-14T22:13:20Z"}}),
    "a list, an inner message and a quantity": (
        "v1", "Pod", field(2, field(1, VOLUME) + field(1, field(1, b"w"))),
        {"spec": {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "w"}]}}),
    "an integer or string": ("v1", "Service", field(2, field(1, PORT)),
                             {"spec": {"ports": [{"port": 80, "targetPort": "http"}]}}),
    "a negative number and a boolean": ("v1", "Pod", field(2, field(11, 1) + field(25, -5)),
                                        {"spec": {"hostNetwork": True, "priority": -5}}),
    "a field that is newer than we are": ("v1", "ConfigMap", field(77, b"?") + field(78, 1), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_document(case: tuple[str, str, bytes, dict[str, object]]) -> None:
    api_version, kind, body, wanted = case
    assert decode(document(api_version, kind, body)) == {"apiVersion": api_version, "kind": kind} | wanted


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "the body does not begin as protobuf of Kubernetes does"),
        (document("v1", "Foo", b""), "no kind 'Foo' is registered for version 'v1'"),
        (document("v1", "ConfigMap", b"\x0a\x05ab"), "protobuf: the message breaks off"),
        (document("v1", "ConfigMap", b"\x80"), "protobuf: a number breaks off"),
        (document("v1", "ConfigMap", b"\x0b"), "protobuf: wire type 3"),
    ],
)
def test_what_is_none(body: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        decode(body)

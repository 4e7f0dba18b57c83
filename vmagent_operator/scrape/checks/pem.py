"""Certificates and private keys: is a text what its field says, and do the two belong together?

vmagent reads these files at each connection and does not complain earlier: a job with the wrong ones never scrapes. Only
what is certain counts as a fault: a text of the other sort, or two public keys that differ. What is no PEM at all may be
filled in later, and an expired certificate may do where nobody asks for it.

Source: https://www.rfc-editor.org/rfc/rfc7468, https://www.rfc-editor.org/rfc/rfc5280#section-4.1
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Literal

Sort = Literal["certificate", "private key"]

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----")
_INTEGER, _SEQUENCE, _EXPLICIT_0, _EXPLICIT_1 = 0x02, 0x30, 0xA0, 0xA1
_PUBLIC_KEY = 5
"""Position of the public key in a certificate, counted from its serial number."""


def confused(text: str, wanted: Sort) -> Sort | None:
    """What `text` holds instead of what is wanted; None if it holds that too, or neither."""
    found = {_sort(label) for label, _ in _BLOCK.findall(text)}
    other: Sort = "private key" if wanted == "certificate" else "certificate"
    return other if other in found and wanted not in found else None


def are_strangers(certificate: str, key: str) -> bool:
    """Whether the key is certainly not that of the (first) certificate: RSA, or elliptic curves if it says so itself."""
    try:
        public, private = _contents(certificate, "certificate"), _contents(key, "private key")
        theirs, ours = _public_key(public), _public_half(private)
    except (ValueError, IndexError, binascii.Error):
        return False
    return theirs != ours


def _sort(label: str) -> Sort | None:
    return "certificate" if label == "CERTIFICATE" else "private key" if label.endswith("PRIVATE KEY") else None


def _contents(text: str, wanted: Sort) -> bytes:
    """The first block of that sort, or nothing. Raises binascii.Error."""
    return base64.b64decode(next((body for label, body in _BLOCK.findall(text) if _sort(label) == wanted), ""))


def _public_key(certificate: bytes) -> bytes:
    """The modulus of an RSA certificate, the point of another. Raises IndexError."""
    signed = _items(_items(certificate)[0][1])[0][1]
    fields = [field for field in _items(signed) if field[0] != _EXPLICIT_0]
    bits = _items(fields[_PUBLIC_KEY][1])[1][1][1:]
    return _items(_items(bits)[0][1])[0][1] if bits[0] == _SEQUENCE else bits


def _public_half(key: bytes) -> bytes:
    """The modulus of an RSA key, the point of another; of PKCS #1, SEC 1 or PKCS #8. Raises IndexError if it is not there."""
    fields = _items(_items(key)[0][1])
    if fields[1][0] == _SEQUENCE:  # PKCS #8, around one of the others
        fields = _items(_items(fields[2][1])[0][1])
    if fields[1][0] == _INTEGER:
        return fields[1][1]
    points = [_items(content)[0][1][1:] for tag, content in fields if tag == _EXPLICIT_1]
    return points[0]


def _items(der: bytes) -> list[tuple[int, bytes]]:
    """The elements that follow each other in `der`, each with its tag. Raises IndexError."""
    return list(_elements(der))


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length >= 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        yield tag, der[at : at + length]
        at += length

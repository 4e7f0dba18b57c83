"""A gzip file that is put together from pieces, each compressed once and for as long as nothing near it changes.

A piece is compressed with the text before it as its dictionary, so that the whole is as small as if it had been compressed at
once, but for a few bytes a piece. Its checksum comes from those of the pieces: the text of the others is not read again.

Source: RFC 1951 (deflate), RFC 1952 (gzip), and the arithmetic of zlib's crc32_combine
"""

import zlib
from array import array
from collections.abc import Sequence
from functools import lru_cache

from attrs import frozen

LEVEL = 6
"""zlib's default, as it was for the recorded cases: another one gives other bytes, and a write of every configuration there is."""
WINDOW_BYTES = 32 * 1024
"""How much of the text before a piece it can refer to."""
_GZIP, _RAW = 31, -15
"""zlib's numbers for gzip and for bare deflate, with the widest window. A header of zlib's own holds no time, other than that of
`gzip.compress`: equal texts must give equal bytes, or each reconcile would write every configuration anew."""
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
_END = b"\x03\x00"
"""An empty last block."""
OVERHEAD_BYTES = len(_HEADER) + len(_END) + 8
_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31
"""1 as a polynomial over GF(2) in the order of bits of CRC-32: the highest bit is the lowest power."""


@frozen(eq=False)
class Piece:
    """A piece of text compressed: deflate blocks that end at a whole byte, length and checksum of the text."""

    blocks: bytes
    length: int
    checksum: int
    shift: "array[int]"
    """What x to the number of bits of the text makes of a checksum, modulo the polynomial: sixteen products for each of eight half bytes."""


def compressed(text: bytes) -> bytes:
    """`text` as gzip, the same bytes at any time."""
    return zlib.compress(text, LEVEL, _GZIP)


def decompressed(packed: bytes) -> bytes:
    """The text of a gzip file."""
    return zlib.decompress(packed, _GZIP)


def piece(text: bytes, before: bytes) -> Piece:
    """The piece of `text` that follows on `before`, of which the last WINDOW_BYTES matter."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW, zdict=before[-WINDOW_BYTES:])
    blocks = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
    return Piece(blocks, len(text), zlib.crc32(text), _products(_power(8 * len(text))))


def joined(pieces: Sequence[Piece]) -> bytes:
    """The gzip file of pieces that follow on each other."""
    checksum, length = 0, 0
    for each in pieces:
        checksum = _shifted(checksum, each.shift) ^ each.checksum
        length += each.length
    trailer = checksum.to_bytes(4, "little") + (length % (1 << 32)).to_bytes(4, "little")
    return b"".join((_HEADER, *(each.blocks for each in pieces), _END, trailer))


def _shifted(checksum: int, products: "array[int]") -> int:
    """The product of a checksum and the polynomial that `products` are those of."""
    return (
        products[checksum & 15]
        ^ products[16 + (checksum >> 4 & 15)]
        ^ products[32 + (checksum >> 8 & 15)]
        ^ products[48 + (checksum >> 12 & 15)]
        ^ products[64 + (checksum >> 16 & 15)]
        ^ products[80 + (checksum >> 20 & 15)]
        ^ products[96 + (checksum >> 24 & 15)]
        ^ products[112 + (checksum >> 28)]
    )


def _products(factor: int) -> "array[int]":
    """The products of a polynomial and every value of every half byte of another, the lowest one first."""
    found = array("I", bytes(4 * 128))
    for bit in range(31, -1, -1):  # from 1 to the highest power
        at, value = 16 * (bit // 4), 1 << bit % 4
        found[at + value] = factor
        factor = (factor >> 1) ^ (_POLYNOMIAL if factor & 1 else 0)
    for at in range(0, 128, 16):
        for value in range(1, 16):
            lowest = value & -value
            found[at + value] = found[at + lowest] ^ found[at + (value ^ lowest)]
    return found


def _product(one: int, other: int) -> int:
    """The product of two polynomials, modulo that of CRC-32."""
    product = 0
    while one:
        if one & _ONE:
            product ^= other
        one = (one << 1) & 0xFFFFFFFF
        other = (other >> 1) ^ (_POLYNOMIAL if other & 1 else 0)
    return product


def _power(exponent: int) -> int:
    """x to the power of `exponent`."""
    power, bit = _ONE, 0
    while exponent >> bit:
        if exponent >> bit & 1:
            power = _product(_square(bit), power)
        bit += 1
    return power


@lru_cache(maxsize=64)
def _square(times: int) -> int:
    """x squared so many times."""
    return _ONE >> 1 if times == 0 else _product(_square(times - 1), _square(times - 1))

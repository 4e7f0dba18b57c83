"""A gzip file that is put together from pieces, each compressed once and for as long as nothing near it changes.

A piece is compressed with the text before it as its dictionary, so that the whole is as small as if it had been compressed at
once, but for a few bytes a piece. Its checksum comes from those of the pieces: the text of the others is not read again.

Source: RFC 1951 (deflate), RFC 1952 (gzip), and the arithmetic of zlib's crc32_combine
"""

import zlib
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
    shift: int
    """x to the number of bits of the text, modulo the polynomial."""


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
    return Piece(blocks, len(text), zlib.crc32(text), _power(8 * len(text)))


def joined(pieces: Sequence[Piece]) -> bytes:
    """The gzip file of pieces that follow on each other."""
    checksum, length = 0, 0
    for each in pieces:
        checksum = _product(each.shift, checksum) ^ each.checksum
        length += each.length
    trailer = checksum.to_bytes(4, "little") + (length % (1 << 32)).to_bytes(4, "little")
    return b"".join((_HEADER, *(each.blocks for each in pieces), _END, trailer))


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

"""JSON by its brackets: how deep it goes and where its parts begin, before anything is parsed.

A parser recurses once a level, and so does whoever walks over its result; the API server stores ten thousand levels of
whatever a definition leaves open. Everything here is a fixed number of passes over the bytes, and takes any bytes.
"""

import re
from collections.abc import Iterator
from itertools import accumulate

_NO_MARK = bytes(set(range(256)) - set(b'{}[]"'))
_NO_ESCAPE = bytes(set(_NO_MARK) - set(b"\\/bfnrtu"))
_STEPS = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")
_STRING = rb'"(?:[^"\\]++|\\.)*+"?+'  # one without an end goes on to the end, or each quote in it would be tried again
_TOKEN = re.compile(_STRING + rb"|[{}\[\],]", re.DOTALL)
_MEMBER = re.compile(rb"\s*+(" + _STRING + rb")\s*+:", re.DOTALL)


def exceeds(text: bytes, levels: int) -> bool:
    """Whether objects and arrays are nested deeper than `levels` in `text`."""
    return text.count(b"{") + text.count(b"[") > levels and depth(text) > levels


def depth(text: bytes) -> int:
    """How many levels of objects and arrays `text` has, if it is JSON."""
    if b"\\" in text:
        # What may follow a backslash stays until the escapes are gone, so that none is taken for another.
        text = text.translate(None, _NO_ESCAPE).replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes in a row are an empty string, or an end and a beginning: without them, what is quoted stays quoted.
    marks = text.translate(None, _NO_MARK).replace(b'""', b"")
    brackets = b"".join(marks.split(b'"')[::2])
    return max(accumulate(memoryview(brackets.translate(_STEPS)).cast("b")), default=0)


def members(text: bytes) -> dict[str, bytes]:
    """The members of the object that `text` is, each value as it stands; names are not unescaped."""
    matches = ((_MEMBER.match(part), part) for part in _parts(text))
    return {match[1][1:-1].decode(errors="replace"): part[match.end() :] for match, part in matches if match}


def elements(text: bytes) -> list[bytes]:
    """The elements of the array that `text` is, each as it stands."""
    return [part for part in _parts(text) if part.strip()]


def _parts(text: bytes) -> Iterator[bytes]:
    """What stands between the commas of the outermost object or array."""
    level = begin = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in b"{[":
            level += 1
            begin = token.end() if level == 1 else begin
        elif mark in b"]}":
            level -= 1
            if level == 0:
                yield text[begin : token.start()]
                return
        elif mark == b"," and level == 1:
            yield text[begin : token.start()]
            begin = token.end()

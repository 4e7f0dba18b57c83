"""Whoever writes a text, and whatever stands in it: reading it takes time in proportion to its length, and not much of it."""

import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import product
from types import FrameType
from typing import Any

import pytest

from test.scrape.cases import agent, obj, settings
from vmagent_operator import quantity
from vmagent_operator.api.core import LabelSelector
from vmagent_operator.desired import args
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.scrape import labelselector
from vmagent_operator.scrape.checks import duration, numbers, pem, placeholder, size, url
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.expressions import regex, series
from vmagent_operator.scrape.fragment import fragment
from vmagent_operator.scrape.jobs import relabel
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.scrape.text import emit, goyaml

Read = Callable[[str], Any]
CONTEXT = context(scrape_owner(agent({"extraEnvs": [{"name": "A", "value": "1"}]}), settings()))


def _filled(text: str) -> None:
    with suppress(placeholder.Unknown):
        placeholder.filled(text, {"A": "1"})


def _loaded(text: str) -> None:
    with suppress(goyaml.InvalidYAML):
        goyaml.load(text)


def _scalar(text: str) -> None:
    with suppress(goyaml.InvalidYAML):
        goyaml.scalar(text)


READERS: Mapping[str, Read] = {
    "regex": regex.fault,
    "regex of a rule": regex.relabel_fault,
    "if": series.fault,
    "weight of a regex": regex.weight,
    "duration": duration.fault,
    "size": size.fault,
    "number": numbers.number,
    "proxy": url.proxy_fault,
    "placeholders": _filled,
    "open placeholders": placeholder.is_open,
    "certificate": lambda text: pem.confused(text, "certificate"),
    "key of a certificate": lambda text: pem.are_strangers(text, text),
    "label": lambda text: list(labelselector.faults(LabelSelector(match_labels={text: text}))),
    "label with a prefix": lambda text: list(labelselector.faults(LabelSelector(match_labels={f"{text}/a": "b"}))),
    "label name": relabel.sanitized,
    "value in YAML": lambda text: emit.dump({"a": text}),
    "key in YAML": lambda text: emit.dump({text: "a"}),
    "plain scalar": _scalar,
    "YAML": _loaded,
    "quantity": quantity.canonical,
    "number of bytes": quantity.whole_bytes,
    "number of a quantity": quantity.parse,
    "items of a flag": args.items,
    "quoted item": args.quote,
}
FIELDS = ("interval", "scrapeTimeout", "proxyURL", "max_scrape_size", "path", "bearerTokenFile", "scheme")
RULE_FIELDS = ("regex", "if", "action", "targetLabel", "separator", "replacement", "match")
PIECES = tuple("a0.-_+*?|^$()[]{},:;=!~\"'`\\/%#@&<> \t\n\r\x00é\U0001f600")
TOKENS = (
    *(
        'or "',
        "or ",
        '{a="',
        '"or "or ',
        "with (",
        "(?:",
        "(?P<",
        "[[:",
        "[:",
        ":]",
        "\\Q",
        "\\E",
        "\\p{",
        "\\x{",
        "{1,",
        "{999}",
        "(a{2}){2}",
        "a|",
    ),
    *(
        "%{",
        "%{A}",
        "%{A",
        "1.",
        "1e",
        "1h",
        "-1s",
        "m",
        "$__interval",
        "0x",
        "_0",
        "KiB",
        "http://",
        "u:p@",
        "[::",
        "%25",
        "%zz",
        "1:",
        "12:30:4",
    ),
    *(
        "-----BEGIN A-----",
        "-----BEGIN CERTIFICATE-----",
        "-----END A-----",
        "MIIB",
        "&a [",
        "*a,",
        "<<: ",
        "- ",
        "a: ",
        "'",
        "a.",
        "-a",
        "+b",
        "=~",
    ),
)
ENDS = ("", "!")
PAIRS = tuple("".join(pair) for pair in product((*'a0({["\\%,=', "or "), repeat=2) if pair[0] != pair[1])
SHORT, LONG = 1_000, 20_000
"""Below the limit of each text, and far beyond."""
SLACK_SECONDS = 0.02
"""What else happens on a busy machine; a quadratic reader takes longer for a long text by far."""


class TooLong(Exception):  # noqa: N818
    """A reader was interrupted."""


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Interrupts what takes longer, even a regular expression."""

    def stop(_: int, __: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _seconds(read: Read, text: str) -> float:
    """The least of three times, if it is worth repeating."""
    found = 1e9
    for _ in range(3):
        start = time.thread_time()
        with _limited(1):
            read(text)
        found = min(found, time.thread_time() - start)
        if found < SLACK_SECONDS / 4:
            break
    return found


def superlinear(read: Read, pieces: tuple[str, ...], lengths: tuple[int, ...]) -> Iterator[str]:
    """The pieces of which twice as many take more than thrice the time."""
    for piece, end, length in product(pieces, ENDS, lengths):
        text = piece * (length // len(piece))
        try:
            is_slow = _seconds(read, text + text + end) > 3 * _seconds(read, text + end) + SLACK_SECONDS
        except TooLong:
            is_slow = True
        if is_slow:
            yield f"{piece!r} {length} {end!r}"


@pytest.mark.parametrize("name", READERS)
def test_time_grows_with_the_length(name: str) -> None:
    read = READERS[name]
    assert list(superlinear(read, PAIRS, (SHORT,))) == []
    assert list(superlinear(read, (*PIECES, *TOKENS), (SHORT, LONG))) == []


def _in_endpoint(key: str) -> Read:
    return lambda text: _made({key: text})


def _in_rule(key: str) -> Read:
    rule = {"action": "replace", "sourceLabels": ["a"], "targetLabel": "b"}
    return lambda text: _made({"relabelConfigs": [rule | {key: text}]})


def _made(endpoint: dict[str, Any]) -> None:
    made = obj("VMStaticScrape", {"targetEndpoints": [{"targets": ["a:1"], **endpoint}]})
    fragment(made, CONTEXT, SecretSnapshot({}))


@pytest.mark.parametrize("read", [*map(_in_endpoint, FIELDS), *map(_in_rule, RULE_FIELDS)], ids=(*FIELDS, *RULE_FIELDS))
def test_time_grows_with_the_length_of_a_field(read: Read) -> None:
    assert list(superlinear(read, (*PIECES, *TOKENS), (LONG,))) == []


@pytest.mark.parametrize("pattern", ["(a|a)*b", "a*a*b", "(a*)*b"])
def test_a_reader_that_goes_back_is_found(pattern: str) -> None:
    assert next(superlinear(re.compile(pattern).fullmatch, ("a",), (SHORT, LONG)), "")

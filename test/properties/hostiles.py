"""Random objects of the six scrape kinds that mean no good: a sound one with something from a table put somewhere in it.

`raw(number, chosen)` makes one as the API server would send it. Nothing is nested deeper than what is cut off before it is
read, and nothing larger than the API server stores.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from test.properties import sample
from test.vmagent import variants
from vmagent_operator.api.kinds import SCRAPE_KINDS, Kind
from vmagent_operator.identity import API_VERSION
from vmagent_operator.limits import JSON_NESTING
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.fields import List
from vmagent_operator.scrape.references import Reference

MOST_BYTES = 1 << 20
"""What the API server stores of one object."""
NAMESPACES = ("bad", "worse", "x" * 63)

TEXTS: Sequence[str] = (
    *("", " ", "\n", "\0", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffe", "\U0010ffff", "\ud800", "a\udcff"),
    *(
        "nan",
        "NaN",
        "inf",
        "-inf",
        "1e999",
        "-0",
        "0x1p9",
        "1" * 5000,
        "1" * 63 + "s",
        "9" * 4301 + "ms",
        "5i",
        "1y1w1d1h",
    ),
    *(
        "null",
        "~",
        "true",
        "{",
        "}",
        "[",
        "- a\n- b",
        "a: b",
        "&a",
        "*a",
        "!!python/object:a",
        "---",
        "...",
        "? a",
        "|",
        ">-",
    ),
    *("%{", "%{}", "%{HOME}", "%{A}%{B}", "%{" * 3000, "%{%{A}}", "$(HOME)", "${1}", "{{.}}", "%{ENV", "}%{"),
    *(
        "a{1000}",
        "(a{100}){100}",
        "a{" + "9" * 5000 + "}",
        "(" * 3000,
        "(" * 101 + ")" * 101,
        "a**",
        "(?=a)",
        "\\8",
        "[z-a]",
    ),
    *("(a+)+$", "a?" * 300 + "a" * 300, "\\pL{1000}", "x{1000}" * 500, "[[:no:]]", "\\Q(", "a|" * 2000, "[" * 4000),
    *(
        '{a="b"}',
        "{a=~'('}",
        '{"or "or "or "or "or "or "or "or "or ',
        "with (a = a) a",
        "with (a = {b='c'}) a",
        "up{a=''}#",
    ),
    *("WITH (a={b=''} or {c=''}, b={a,a}) {b,b}", "up{} or up", "{__name__='a'}{b='c'}", "up\u00a0", "(" * 4000 + "up"),
    *(
        "http://",
        "http://%zz",
        "socks5://[::1%25\u00e4]",
        "http://a\nb",
        "file:///etc/passwd",
        "//a",
        "http://u:p@h:x/",
        "::",
    ),
    *(
        "/etc/passwd",
        "/var/run/secrets/kubernetes.io/serviceaccount/token",
        "../../x",
        "-----BEGIN CERTIFICATE-----\nx",
    ),
    *(
        "x" * 253,
        "y" * 5000,
        "ä" * 3000,
        "\U0001f4a3" * 2000,
        "a," * 2000,
        "'" * 2000,
        '"\\' * 2000,
        "\n" * 5000,
        "#" * 5000,
    ),
    *(
        "0s",
        "-5s",
        "100ms",
        "__scrape_interval__",
        "__unix_socket__",
        "__tenant_id__",
        "__name__",
        "__address__",
        "1KiB",
        "1e400",
    ),
)
"""For every place that takes a text, and for those that do not."""

NUMBERS: Sequence[Any] = (
    *(0, -1, 1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**400, -(10**4299)),
    *(0.5, -0.0, 1e308, 1e-320, float("nan"), float("inf"), float("-inf")),
)

SPECIAL_LABELS = (
    *(
        "__scrape_interval__",
        "__scrape_timeout__",
        "__unix_socket__",
        "__tenant_id__",
        "__series_limit__",
        "__address__",
    ),
    *(
        "__sample_limit__",
        "__label_limit__",
        "__max_scrape_size__",
        "__stream_parse__",
        "__metrics_path__",
        "__scheme__",
    ),
)


def _nested(depth: int, leaf: Any = "x") -> Any:
    for level in range(depth):
        leaf = [leaf] if level % 2 else {"a": leaf}
    return leaf


def _self(name: str) -> Mapping[str, Any]:
    return {"name": name, "key": name, "optional": True}


VALUES: Sequence[Any] = (
    *(
        None,
        True,
        False,
        [],
        {},
        [None],
        [[]],
        [{}],
        [None, None],
        {"": ""},
        {"a": None},
        {"\n": {"\n": []}},
        ["a", 1, None],
    ),
    *(_nested(depth) for depth in (2, 40, 90)),
    *([None] * 1000, [{}] * 3000, ["a"] * 20_000, [["a"]] * 1000, [_nested(60)] * 20),
    *({f"k{n}": n for n in range(3000)}, {f"k{n}": "v" for n in range(21_000)}, {"k" * 5000: "v" * 5000}),
    *(dict.fromkeys(SPECIAL_LABELS, text) for text in ("0s", "-1", "", "%{A}", "/run/x.sock", "nan")),
    *({"name": "gone", "key": "gone"}, {"name": "texts"}, {"key": "a"}, _self("main"), {"name": "", "key": ""}),
    *({"secret": {"name": "texts", "key": key}, "configMap": {"name": "texts", "key": key}} for key in ("a", "b")),
    *({"matchExpressions": [{"key": "a", "operator": operator}]} for operator in ("In", "Exists", "Near", "")),
    *([{"action": action, "regex": _nested(20)}] * 3 for action in ("replace", "destroy")),
    [{"targetLabel": label, "replacement": "-1s"} for label in SPECIAL_LABELS],
    [{"action": "labelmap", "regex": "(.*)", "replacement": "__$1__"}] * 50,
    [
        {"action": "hashmod", "modulus": modulus, "sourceLabels": ["a"], "targetLabel": "b"}
        for modulus in (0, -1, 2**64)
    ],
    [{"if": text} for text in TEXTS[:40]],
    [{"if": [text, None]} for text in TEXTS[40:60]],
)

GIVEN = {
    reference: {"a": text, "b": other, "e": ""}
    for namespace in NAMESPACES
    for reference, text, other in (
        (Reference("Secret", namespace, "texts"), "line\nof: yaml", "\0\x1b%{HOME}"),
        (Reference("Secret", namespace, "others"), "x" * 70_000, "\udcff\udc80"),
        (
            Reference("ConfigMap", namespace, "texts"),
            "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n",
            "{{",
        ),
        (Reference("ConfigMap", namespace, "others"), "y" * 600_000, "- - -"),
    )
}
"""What their Secrets and ConfigMaps hold."""


def raw(number: int, chosen: Random) -> Manifest:
    """The object with that number."""
    while True:
        kind = chosen.choice(SCRAPE_KINDS)
        make = chosen.choices(tuple(_MAKERS), tuple(_MAKERS.values()))[0]
        found = {**_HEAD, "kind": kind.name, "metadata": _metadata(number, chosen), "spec": make(kind, chosen)}
        if len(json.dumps(found, separators=(",", ":"))) < MOST_BYTES:
            return found


def value(chosen: Random, entry: sample.Entry | None = None) -> Any:
    """Something from the tables, or what the fuzzer of vmagent would give that field."""
    roll = chosen.random()
    if entry is not None and roll < 0.3:
        return variants.value(entry, chosen)
    if roll < 0.65:
        text = chosen.choice(TEXTS)
        return text if chosen.random() < 0.7 else variants.bent(text, chosen)
    if roll < 0.75:
        return chosen.choice(NUMBERS)
    found = chosen.choice(VALUES)
    return found if roll < 0.95 else [found, value(chosen)]


_HEAD = {"apiVersion": API_VERSION}


def _metadata(number: int, chosen: Random) -> dict[str, Any]:
    """Sound, mostly; names are what the API server has seen to."""
    name = f"hostile-{number:05}" + ("-" + "n" * 230 if number % 97 == 0 else "")
    namespace = chosen.choice(NAMESPACES)
    found: dict[str, Any] = {"name": name, "namespace": namespace, "uid": f"uid-{number}", "generation": 1}
    if chosen.random() < 0.1:
        found[chosen.choice(("labels", "annotations", "creationTimestamp", "generation", "finalizers"))] = value(chosen)
    return found


def _bent(kind: Kind[Any], chosen: Random) -> Any:
    """A document with one to three of its places taken."""
    places = PLACES[kind]
    at = chosen.choice(places)
    found = sample.document(kind.spec_class, at.path, full=chosen.random() < 0.3)
    for _ in range(chosen.randint(1, 3)):
        with suppress(KeyError, IndexError, TypeError):  # nothing is there to be replaced
            found = sample.replaced(found, at.path, value(chosen, at.entry))
        at = chosen.choice(places)
    return found


def _multiplied(kind: Kind[Any], chosen: Random) -> Any:
    """Many of what a list may hold, and perhaps many in each of these."""
    lists = [at for at in PLACES[kind] if isinstance(at.entry.shape, List)]
    outer, inner = chosen.choice(lists), chosen.choice(lists)
    found = sample.document(kind.spec_class, outer.path, full=False)
    item = _first(found, outer)
    many = chosen.choice((100, 1000, 3000))
    if inner.path[: len(outer.path)] == outer.path and len(inner.path) > len(outer.path) + 1:
        whole = sample.document(kind.spec_class, inner.path, full=False)
        item = _first(sample.replaced(whole, inner.path, [_first(whole, inner)] * 1000), outer)
    return sample.replaced(found, outer.path, [item] * many)


def _first(document: Any, at: sample.Property) -> Any:
    for step in at.path:
        document = document[step]
    return document[0] if isinstance(document, list) and document else document


def _squared(kind: Kind[Any], chosen: Random) -> Any:
    """A thousand endpoints, each with what a thousand entries beside them lead to."""
    many = chosen.choice((100, 1000, 2000))
    names = [f"l{number}" for number in range(many)]
    endpoints = [{"port": "a", "targets": ["a"], "path": chosen.choice(TEXTS)}] * many
    selector = {"matchLabels": dict.fromkeys(names, "a")}
    all_of_them = {
        "endpoints": endpoints,
        "podMetricsEndpoints": endpoints,
        "targetEndpoints": endpoints,
        "vmProberSpec": {"url": "p"},
        "targets": {"static": {"targets": names}, "kubernetes": [{"role": "pod", "selector": selector}] * 100},
        "staticConfigs": [{"targets": names, "labels": dict.fromkeys(names[:100], "v")}] * 20,
        "consulSDConfigs": [{"server": "a"}] * many,
    }
    return {**all_of_them, "targetLabels": names, "podTargetLabels": names, "selector": selector}


def _shapeless(kind: Kind[Any], chosen: Random) -> Any:
    """Anything in the place of a spec, or beneath its keys."""
    if chosen.random() < 0.3:
        return value(chosen)
    keys = [entry.key for entry in sample.entries(kind.spec_class)]
    return {key: value(chosen) for key in chosen.sample(keys, min(len(keys), chosen.randint(1, 8)))}


def _deep(kind: Kind[Any], chosen: Random) -> Any:
    """As deep as an object may be that anybody reads."""
    at = chosen.choice(PLACES[kind])
    found = sample.document(kind.spec_class, at.path, full=False)
    return sample.replaced(found, at.path, _nested(JSON_NESTING - len(at.path) - 4, chosen.choice(TEXTS)))


PLACES: Mapping[Kind[Any], Sequence[sample.Property]] = {
    kind: tuple(sample.properties(kind.spec_class)) for kind in SCRAPE_KINDS
}
_MAKERS: Mapping[Callable[[Kind[Any], Random], Any], float] = {
    _bent: 84,
    _shapeless: 8,
    _deep: 5,
    _multiplied: 2,
    _squared: 1,
}
"""How, and how often in a hundred."""

"""Texts, numbers and other values for fields of every sort: sound ones, wrong ones, and what lies between.

A field is given what its name or type asks for, bent a little, and sometimes anything at all.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import yaml

from test.properties.sample import Entry
from vmagent_operator.model.fields import Choice, IntOrString, List, Map, Model, Passthrough, Scalar, StringOrList

Make = Callable[[Random], str]
HOSTILE: list[str] = yaml.safe_load((Path(__file__).parents[1] / "properties/hostile.yaml").read_text())
NUMBERS = (0, 1, 7, -1, 1000, 2**31, -(2**31), 2**53, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**64, 10**30)
ACTIONS = (
    *(
        "replace",
        "replace_all",
        "keep",
        "drop",
        "keep_if_contains",
        "drop_if_contains",
        "keep_if_equal",
        "drop_if_equal",
    ),
    *("keepequal", "dropequal", "keep_metrics", "drop_metrics", "hashmod", "uppercase", "lowercase", "labelmap"),
    *("labelmap_all", "labeldrop", "labelkeep", "graphite", "Replace", "KEEP", "destroy", " keep", ""),
)
_LITERALS = (
    "a",
    "b",
    "ab",
    "é",
    "\u4e16",
    "0",
    "_",
    "-",
    " ",
    "\\.",
    "\\d",
    "\\w",
    "\\pL",
    "\\p{Greek}",
    "\\x41",
    "\\x{10FFFF}",
    ".",
)
_ODD = (
    "\\",
    "\\8",
    "\\p{No}",
    "\\x{110000}",
    "\\Q(\\E",
    "\\C",
    "(?=a)",
    "(?!x)",
    "(?P=a)",
    "\\k<a>",
    "$",
    "^",
    "\\b",
    "\\z",
    "\\Z",
)
_CLASSES = (
    "[a]",
    "[^a-z]",
    "[[:alpha:]]",
    "[[:no:]]",
    "[z-a]",
    "[]a]",
    "[^]]",
    "[\\d-z]",
    "[a-\\d]",
    "[a",
    "[]",
    "[\\]",
    "[--a]",
    "[a-b-c]",
)
_REPEATS = (
    "*",
    "+",
    "?",
    "*?",
    "++",
    "{2}",
    "{2,}",
    "{2,5}",
    "{5,2}",
    "{1000}",
    "{1001}",
    "{,2}",
    "{",
    "{a}",
    "{99999999999}",
    "**",
    "{30}",
)


def bent(text: str, chosen: Random) -> str:
    """`text` with a character taken away, doubled, exchanged, or put in."""
    at = chosen.randrange(len(text) + 1)
    piece = (
        chosen.choice(HOSTILE) if chosen.random() < 0.3 else chosen.choice("(){}[]|*+?\\\"'`,=~!<>#:;.%-_ aZ09\n\u00a0")
    )
    return chosen.choice(
        (text[:at] + text[at + 1 :], text[:at] + piece + text[at:], text[:at] + piece + text[at + 1 :])
    )


def regex(chosen: Random, depth: int = 0) -> str:
    """A regular expression, mostly sound."""
    parts = []
    for _ in range(chosen.randint(1, 3)):
        roll = chosen.random()
        if roll < 0.2 and depth < 4:
            opening = chosen.choice(("(", "(?:", "(?i)(", "(?P<n>", "(?<n>", "(?s-i:", "(?z:", "(?P<>"))
            part = f"{opening}{regex(chosen, depth + 1)})"
        elif roll < 0.35:
            part = chosen.choice(_CLASSES)
        elif roll < 0.42:
            part = chosen.choice(_ODD)
        else:
            part = chosen.choice(_LITERALS)
        parts.append(part + (chosen.choice(_REPEATS) if chosen.random() < 0.25 else ""))
    return chosen.choice(("", "", "", "|")).join(parts)


def _name(chosen: Random) -> str:
    return chosen.choice(
        (
            "a",
            "up",
            "foo:bar",
            "a.b",
            "é",
            "or",
            "OR",
            "by",
            "offset",
            "with",
            "nan",
            "inf",
            "a\\-b",
            "_",
            "x1",
            "1x",
            "sum",
        )
    )


def _string(chosen: Random) -> str:
    quote = chosen.choice('"""\'`')
    inside = chosen.choice(
        (
            "",
            "b",
            "a.*",
            "\\\\d+",
            "\\d",
            "\\x41",
            "\\u00e9",
            "(",
            "é",
            "{}",
            "#",
            " or ",
            "\\n",
            "\\'",
            '\\"',
            "a{100}{100}",
        )
    )
    return f"{quote}{inside}{quote}" + (f" + {quote}x{quote}" if chosen.random() < 0.05 else "")


def selector(chosen: Random) -> str:
    """A series selector, mostly sound."""

    def one() -> str:
        if chosen.random() < 0.1:
            return _string(chosen)
        return f"{_name(chosen)}{chosen.choice(('=', '!=', '=~', '!~', ' = ', '==', '~'))}{_string(chosen)}"

    separator = chosen.choice((",", ", ", " or ", ",or ", ",,", " and ", "\n,"))
    filters = separator.join(one() for _ in range(chosen.randint(0, 3)))
    found = chosen.choice(("", _name(chosen))) + (
        f"{{{filters}{chosen.choice(('', '', ','))}}}" if chosen.random() < 0.85 else ""
    )
    around = chosen.choice(
        ("{}",) * 12
        + (
            "({})",
            "(({}))",
            "+{}",
            "-{}",
            " {} ",
            "{} # c",
            "{}[5m]",
            "sum({})",
            "{} offset 5m",
            "{} == 1",
            "\t{}\n",
            "({}",
        )
    )
    if chosen.random() < 0.03:
        expanded = chosen.choice(("x", "y", "{x}", 'x{a="b"}'))
        return f"with (x = {found}) {expanded}"
    return around.replace("{}", found, 1)


def duration(chosen: Random) -> str:
    """A duration in vmagent's or in Go's spelling, mostly sound."""
    number = chosen.choice(
        ("0", "1", "5", "30", "1.5", "1.", ".5", "-1", "+1", "1e3", "007", "999999999999", "1_0", "\u0661")
    )
    unit = chosen.choice(
        ("s", "s", "m", "h", "ms", "d", "w", "y", "i", "M", "MS", "S", "us", "µs", "ns", "", "min", "sec", " s")
    )
    return number + unit + (duration(chosen) if chosen.random() < 0.2 else "")


def size(chosen: Random) -> str:
    """A size, mostly sound; without `inf` and `nan`, which Go takes for numbers and we for mistakes."""
    number = chosen.choice(
        (
            "0",
            "1",
            "16",
            "1.5",
            ".5",
            "5.",
            "-1",
            "+2",
            "1e3",
            "1e400",
            "0x10",
            "0x1p4",
            "1_0",
            "",
            "1__0",
            "9" * 70,
        )
    )
    return number + chosen.choice(
        ("", "KB", "kb", "MB", "MiB", "mib", "GB", "GiB", "TB", "B", "K", "Gi", " MB", "KIB", "\u0131B")
    )


def url(chosen: Random) -> str:
    """A URL, mostly sound."""
    found = chosen.choice(
        ("http", "http", "https", "HTTP", "socks5", "tls+socks5", "socks5h", "ftp", "1http", "", "ht tp")
    )
    user = chosen.choice(("", "", "", "u@", "u:p@", "u:p%40@", "u:%zz@", "a b@", "u:p@x@", "ü@"))
    host = chosen.choice(
        (
            "a",
            "a.b",
            "127.0.0.1",
            "[::1]",
            "[::1",
            "[1.2.3.4]",
            "[fe80::1%25en0]",
            "a b",
            "a%41",
            "é",
            "a%C3%A9",
            "a_b",
            "",
            "a<b",
            "a{",
            "a^",
        )
    )
    port = chosen.choice(("", "", ":1", ":3128", ":", ":x", ":1:2", ":99999"))
    path = chosen.choice(("", "/", "/x y", "/%zz", "/%20", "?a=%", "#%", "#é", "/\x7f", "\n", "/a:b", "x"))
    return chosen.choice(
        (f"{found}://{user}{host}{port}{path}",) * 8
        + (f"//{host}{port}", f"{host}{port}{path}", f"{found}:{host}", f"{found}:/x")
    )


def header(chosen: Random) -> str:
    """A header, mostly sound."""
    return chosen.choice(
        ("X: 1", "X:1", "X", ":", "", "A b: c", "Host: a", "é: é", "X: a\nY: b", "null", "~", "%{HOME}: x")
    )


def placeholder(chosen: Random) -> str:
    """What vmagent replaces, or not."""
    name = chosen.choice(
        (
            "HOME",
            "HOSTNAME",
            "PATH",
            "A_PORT",
            "KUBERNETES_PORT",
            "NOT_THERE",
            "",
            "a b",
            "SOME",
            "KUBE_NODE_NAME",
            "X_SERVICE_HOST",
        )
    )
    return chosen.choice(("%{{{}}}", "a%{{{}}}b", "%{{{}", "%{{%{{{}}}}}")).format(name)


FAMILIES: Mapping[str, Make] = {
    "regex": regex,
    "if_": selector,
    "match": selector,
    "action": lambda chosen: chosen.choice(ACTIONS),
    "headers": header,
    "max_scrape_size": size,
    "proxy_url": url,
    "token_url": url,
    "url": url,
    "port": lambda chosen: chosen.choice((regex(chosen), "80", "web", "")),
    "target_port": lambda chosen: chosen.choice((regex(chosen), "80", "web", "")),
    **dict.fromkeys(
        ("interval", "scrape_interval", "scrape_timeout", "scrape_align_interval", "scrape_offset", "dedup_interval"),
        duration,
    ),
    **dict.fromkeys(("staleness_interval", "ignore_first_sample_interval", "flush_interval", "send_timeout"), duration),
}
"""Attribute of a field -> what makes texts for it."""


def text(name: str, chosen: Random) -> str:
    """A text for the field of that attribute."""
    make = FAMILIES.get(name)
    roll = chosen.random()
    if make is not None and roll < 0.85:
        found = make(chosen)
        return bent(found, chosen) if chosen.random() < 0.3 else found
    if roll < 0.9:
        return placeholder(chosen)
    return "".join(chosen.choices(HOSTILE, k=chosen.randint(1, 3)))


def value(entry: Entry, chosen: Random) -> Any:
    """A value for a field; mostly of its type."""
    name = entry.slot.name
    if chosen.random() < 0.03:
        return anything(chosen)
    if chosen.random() < 0.1:
        return chosen.choice(entry.values())
    return _shaped(entry.shape, name, chosen)


def anything(chosen: Random, depth: int = 0) -> Any:
    """Any JSON value."""
    simple: Sequence[Any] = (None, True, False, "", 1.5, -0.5, 1e300, *NUMBERS, *ACTIONS, "null", "~", duration(chosen))
    if depth < 2 and chosen.random() < 0.4:
        inner = [anything(chosen, depth + 1) for _ in range(chosen.randint(0, 2))]
        return (
            inner if chosen.random() < 0.5 else {chosen.choice(("a", "key", "name", "targets")): each for each in inner}
        )
    return chosen.choice(simple)


def _shaped(shape: Any, name: str, chosen: Random) -> Any:
    match shape:
        case Scalar(type=kind) if kind is str:
            return text(name, chosen)
        case Scalar(type=kind) if kind is bool:
            return chosen.random() < 0.5
        case Scalar():
            return chosen.choice(NUMBERS)
        case Choice(values=values):
            return chosen.choice((*values, *(each.upper() for each in values), "none", ""))
        case IntOrString():
            return chosen.choice((text(name, chosen), chosen.choice(NUMBERS)))
        case StringOrList():
            some = [text(name, chosen) for _ in range(chosen.randint(0, 2))]
            return chosen.choice((some, text(name, chosen), text(name, chosen)))
        case List(item=item):
            return [_shaped(item, name, chosen) for _ in range(chosen.randint(0, 2))]
        case Map(item=item):
            return {_key(chosen): _shaped(item, name, chosen) for _ in range(chosen.randint(0, 2))}
        case Model() | Passthrough():
            return {}
    return None


def _key(chosen: Random) -> str:
    return chosen.choice(("key", "a", "__address__", "__tmp", "", *HOSTILE))

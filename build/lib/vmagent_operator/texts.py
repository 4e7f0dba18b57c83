"""Values of environment variables and flags from their texts. Each raises ValueError, saying what was expected."""

import re

from vmagent_operator import quantity

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DURATION = re.compile(r"[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)")
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)([a-zµμ]+)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_BOOLEANS = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)


def boolean(text: str) -> bool:
    """A Go boolean; ValueError otherwise."""
    if text not in _BOOLEANS:
        raise ValueError("expected true or false")
    return _BOOLEANS[text]


def duration(text: str) -> float:
    """Seconds of a Go duration such as `1h0m0s` or `500ms`; ValueError otherwise."""
    if not _DURATION.fullmatch(text):
        raise ValueError("expected a duration such as 1m30s")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    return -seconds if text.startswith("-") else seconds


def items(text: str) -> tuple[str, ...]:
    """The elements of a comma separated list, trimmed, each once, in order."""
    return tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))


def whole_number(text: str) -> int:
    """A number without a sign; ValueError otherwise."""
    if not text.isascii() or not text.isdigit():
        raise ValueError("expected a whole number")
    return int(text)


def wait(text: str) -> float:
    """Seconds of a Go duration that is not negative; ValueError otherwise."""
    if (seconds := duration(text)) < 0:
        raise ValueError("expected a duration that is not negative")
    return seconds


def namespaces(text: str) -> tuple[str, ...]:
    """Names of namespaces; ValueError for what cannot be one."""
    for name in (names := items(text)):
        if not _NAMESPACE.fullmatch(name):
            raise ValueError(f"{name!r} is no namespace name")
    return names


def pairs(text: str) -> dict[str, str]:
    """The pairs of a list such as `key=value,key2=value2`; ValueError otherwise."""
    found = {}
    for item in items(text):
        key, separator, value = item.partition("=")
        if not separator or not key:
            raise ValueError("expected a list such as key=value,key2=value2")
        found[key] = value
    return found


def amount(text: str) -> str | None:
    """A quantity, None for `unlimited`; ValueError otherwise."""
    if text == "unlimited":
        return None
    if quantity.parse(text) is None:
        raise ValueError("expected a quantity such as 200Mi, or unlimited")
    return text


def openshift(text: str) -> str:
    """`auto`, `enabled` or `disabled`; ValueError otherwise."""
    if text not in ("auto", "enabled", "disabled"):
        raise ValueError("expected auto, enabled or disabled")
    return text


def given(text: str) -> str | None:
    """The text, None if it is empty."""
    return text or None

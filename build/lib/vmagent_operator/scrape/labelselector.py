"""Label selectors: what is wrong with one, what it matches, and how the API server writes it.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping

from vmagent_operator.api.core import LabelSelector, LabelSelectorRequirement

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PREFIX_PART = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_PREFIX = 253
"""Characters of the part of a label's key before the slash, a DNS name."""

MATCHES: Mapping[str, Callable[[str | None, tuple[str, ...]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, values: value is not None,
    "DoesNotExist": lambda value, values: value is None,
}
"""Operator -> whether a label's value (None if absent) fits the values of a requirement."""

TERMS: Mapping[str, str] = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def faults(selector: LabelSelector) -> Iterator[str]:
    """Why the API server would not take `selector`, each with the field it is about."""
    for key, value in selector.match_labels.items():
        yield from (f"matchLabels: {fault}" for fault in (*_key_faults(key), *_value_faults(value)))
    for index, requirement in enumerate(selector.match_expressions):
        yield from (f"matchExpressions[{index}]: {fault}" for fault in _requirement_faults(requirement))


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether an object with these labels is selected; `selector` must be without faults."""
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        MATCHES[e.operator](labels.get(e.key), e.values) for e in selector.match_expressions
    )


def text(selector: LabelSelector) -> str:
    """`selector` as a query parameter: a term for each requirement, sorted by key, those of matchLabels first."""
    terms = [(key, f"{key}={value}") for key, value in selector.match_labels.items()]
    terms += ((e.key, _term(e)) for e in selector.match_expressions)
    return ",".join(term for _, term in sorted(terms, key=lambda term: term[0]))


def mismatch(selector: LabelSelector, labels: Mapping[str, str], whose: str) -> str:
    """The first requirement that labels do not meet and what `whose` labels are instead: `asks a=b, object has a=c`.

    Empty if they meet all; `selector` must be without faults.
    """
    for key, value in selector.match_labels.items():
        if labels.get(key) != value:
            return f"asks {key}={value}, {whose} {_instead(key, labels)}"
    for e in selector.match_expressions:
        if not MATCHES[e.operator](labels.get(e.key), e.values):
            return f"asks {_term(e)}, {whose} {_instead(e.key, labels)}"
    return ""


def _instead(key: str, labels: Mapping[str, str]) -> str:
    """What there is in place of the label asked for, a near miss of its key included."""
    if key in labels:
        return f"has {key}={labels[key]}"
    near = difflib.get_close_matches(key.lower(), [name.lower() for name in labels], 1, 0.7)
    found = next((name for name in labels if near and name.lower() == near[0]), None)
    return f"has no label {key}" + (f" but {found}={labels[found]}" if found else "")


def _term(requirement: LabelSelectorRequirement) -> str:
    return TERMS[requirement.operator].format(key=requirement.key, values=",".join(sorted(requirement.values)))


def _requirement_faults(requirement: LabelSelectorRequirement) -> Iterator[str]:
    yield from _key_faults(requirement.key)
    if requirement.operator not in MATCHES:
        yield f"{requirement.operator!r} is no operator; expected one of {', '.join(MATCHES)}"
    elif requirement.operator in ("In", "NotIn"):
        if not requirement.values:
            yield f"values: required for {requirement.operator}"
        for value in requirement.values:
            yield from _value_faults(value)
    elif requirement.values:
        yield f"values: must be empty for {requirement.operator}"


def _key_faults(key: str) -> Iterator[str]:
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not _is_prefix(prefix)):
        yield f"{key!r} is no label key"


def _is_prefix(text: str) -> bool:
    return len(text) <= _LONGEST_PREFIX and all(map(_PREFIX_PART.fullmatch, text.split(".")))


def _value_faults(value: str) -> Iterator[str]:
    if value and not _NAME.fullmatch(value):
        yield f"{value!r} is no label value"

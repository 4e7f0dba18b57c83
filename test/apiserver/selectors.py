"""Label and field selectors of lists and watches."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from test.apiserver.failure import Failure, bad_request

Json = dict[str, Any]
Test = Callable[[Json], bool]
TERM = re.compile(r"^\s*(!?)\s*([^\s=!<>]+)\s*(?:(==|=|!=|\bin\b|\bnotin\b|>|<)\s*(?:\(([^)]*)\)|(\S*)))?\s*$")
SUPPORTED = {
    "pods": ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase"),
    "events": ("involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
               "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
               "reportingComponent", "source", "type"),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
}  # fmt: skip


def labels(text: str) -> Test:
    """A test for a label selector such as `app=web,tier in (a,b),!old`. Raises Failure for bad syntax."""
    terms = [_label_term(part) for part in re.split(r",(?![^(]*\))", text) if part.strip()]
    return lambda value: all(term(value["metadata"].get("labels") or {}) for term in terms)


def _label_term(text: str) -> Callable[[Mapping[str, str]], bool]:
    match = TERM.match(text)
    if not match:
        raise bad_request(f"unable to parse requirement: found {text!r}")
    negated, key, operator, many, one = match.groups()
    if not operator:
        return (lambda found: key not in found) if negated else (lambda found: key in found)
    values = {part.strip() for part in many.split(",")} if many is not None else {one or ""}
    if operator in (">", "<"):
        bound = int(one)
        return lambda found: key in found and (int(found[key]) > bound if operator == ">" else int(found[key]) < bound)
    if operator in ("!=", "notin"):
        return lambda found: found.get(key) not in values
    return lambda found: found.get(key) in values


def matches(selector: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    """Whether a LabelSelector object selects these labels."""
    if any(found.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(one, found) for one in selector.get("matchExpressions") or ())


def _expression(one: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    key, values = one["key"], one.get("values") or ()
    return {
        "In": key in found and found[key] in values,
        "NotIn": found.get(key) not in values,
        "Exists": key in found,
        "DoesNotExist": key not in found,
    }[one["operator"]]


def fields(plural: str, group_version: str, kind: str, text: str, selectable: tuple[str, ...] = ()) -> Test:
    """A test for a field selector; only the fields that the real server indexes. Raises Failure for others."""
    allowed = ("metadata.name", "metadata.namespace", *SUPPORTED.get(plural, ()), *selectable)
    terms = []
    for part in filter(None, text.split(",")):
        match = re.match(r"^([^=!]+)(==|=|!=)(.*)$", part)
        if not match or match[1] not in allowed:
            label = match[1] if match else part
            raise _unsupported(group_version, kind, label)
        terms.append((match[1].split("."), match[2] != "!=", match[3]))
    return lambda value: all((_text(value, path) == wanted) == is_equal for path, is_equal, wanted in terms)


def _unsupported(group_version: str, kind: str, label: str) -> Failure:
    version = f"{group_version}, Kind={kind}"
    return bad_request(
        f'Unable to find "{version}" that match label selector "", field selector "{label}": field label not supported: {label}'
    )


def _text(value: Any, path: list[str]) -> str:
    for key in path:
        value = (value or {}).get(key)
    return (
        {None: "", True: "true", False: "false"}.get(value, str(value))
        if not isinstance(value, int) or isinstance(value, bool)
        else str(value)
    )

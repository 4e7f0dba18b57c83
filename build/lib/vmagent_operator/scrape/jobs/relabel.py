"""The relabeling rules that jobs share, as values; key order is that of the file."""

import re
from collections.abc import Iterable, Iterator

from vmagent_operator.api.core import LabelSelector
from vmagent_operator.api.relabel import scalar_or_list
from vmagent_operator.model.encode import Config

Rule = Config
_NO_LABEL_CHARACTER = re.compile(r"[^a-zA-Z0-9_]")


def sanitized(name: str) -> str:
    """The label that Kubernetes discovery makes of a label key: one `_` for each character it cannot have."""
    return _NO_LABEL_CHARACTER.sub("_", name)


def keep(source: str, regex: str) -> Rule:
    """Keep targets whose `source` label matches."""
    return {"action": "keep", "source_labels": [source], "regex": scalar_or_list(regex)}


def drop(source: str, regex: str) -> Rule:
    """Drop targets whose `source` label matches."""
    return {"action": "drop", "source_labels": [source], "regex": scalar_or_list(regex)}


def copy(source: str, to: str) -> Rule:
    """Copy a label, also if it is empty."""
    return {"source_labels": [source], "target_label": to}


def copy_present(source: str, to: str) -> Rule:
    """Copy a label unless it is empty."""
    return {"source_labels": [source], "target_label": to, "regex": "(.+)", "replacement": "${1}"}


def assign(label: str, value: str) -> Rule:
    """Give a label a fixed value."""
    return {"target_label": label, "replacement": value}


def copies(prefix: str, names: Iterable[str]) -> Iterator[Rule]:
    """Copy the discovered labels `names`, each under its own name."""
    for label in map(sanitized, filter(None, names)):
        yield copy_present(f"{prefix}{label}", label)


def job(prefix: str, job_label: str) -> tuple[Rule, ...]:
    """Take `job` from a discovered label, if one is named."""
    return (copy_present(f"{prefix}{sanitized(job_label)}", "job"),) if job_label else ()


def selected(role: str, selector: LabelSelector) -> Iterator[Rule]:
    """Keep discovered objects of `role` that `selector` matches; its values are taken for regular expressions."""
    for key in sorted(selector.match_labels):
        yield keep(f"__meta_kubernetes_{role}_label_{sanitized(key)}", selector.match_labels[key])
    for e in selector.match_expressions:
        rule = keep if e.operator in ("In", "Exists") else drop
        if e.operator in ("In", "NotIn"):
            yield rule(f"__meta_kubernetes_{role}_label_{sanitized(e.key)}", "|".join(e.values))
        else:
            yield rule(f"__meta_kubernetes_{role}_labelpresent_{sanitized(e.key)}", "true")


def target_port(port: int | str | None) -> Iterator[Rule]:
    """Keep the container port of that name or number."""
    if port:
        yield keep(f"__meta_kubernetes_pod_container_port_{'name' if isinstance(port, str) else 'number'}", str(port))


def endpoint(port: str, target_port: int | str | None) -> Iterator[Rule]:
    """Let `endpoint` say which port it is."""
    if port or target_port not in (None, ""):
        yield assign("endpoint", port or str(target_port))

"""Labels with which a target tells vmagent how to scrape it, read once all its rules have run.

They pass every limit of the owner: whoever can write one scrapes as often as he likes, into any tenant and from any socket of
the pod. Two even stop vmagent, all targets of everybody included: an interval of no length is a division by zero, and for a
limit of series memory is taken beforehand. So there are rules of ours after all others: `dropped` once the owner enforces
anything, and else `guards`, which take away nothing but those harmful values, and only stand where a job could come to one.

Source: https://github.com/VictoriaMetrics/VictoriaMetrics/tree/v1.150.0/lib/promscrape (config.go, bloomfilter)
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import IntEnum

from vmagent_operator import limits
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.model.encode import Config
from vmagent_operator.scrape.checks.duration import InvalidDuration, milliseconds

Rule = Config
INTERVAL, SERIES_LIMIT = "__scrape_interval__", "__series_limit__"
_BOOLEANS = frozenset(("1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"))
_MOST_DIGITS = 18
_VARIABLE = ("%{",)
_IN_NAMES, _IN_VALUES = ("$", *_VARIABLE), ("$", "{{", *_VARIABLE)
"""What rules fill in: groups, labels; vmagent itself fills in variables everywhere."""


class Origin(IntEnum):
    """Who chooses the names of the labels that targets are discovered with.

    cluster: Kubernetes, where a key starts with a letter or digit. prefixed: anybody, behind a prefix of vmagent. anybody: all of the name.
    """

    CLUSTER = 0
    PREFIXED = 1
    ANYBODY = 2


def _is_length(text: str) -> bool:
    try:
        return milliseconds(text) > 0
    except InvalidDuration:
        return False


def _is_number(text: str) -> bool:
    digits = text[1:] if text[:1] in ("-", "+") else text
    return digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS


def _is_series_limit(text: str) -> bool:
    return _is_number(text) and int(text) <= limits.SERIES_OF_A_TARGET


def _is_tenant(text: str) -> bool:
    account, _, project = text.partition(":")
    return all(_is_number(part) and part.isdigit() for part in (account, project or "0"))


LABELS: Mapping[str, Callable[[str], bool]] = {
    INTERVAL: _is_length,
    "__scrape_timeout__": _is_length,
    "__tenant_id__": _is_tenant,
    "__unix_socket__": lambda _: True,
    SERIES_LIMIT: _is_series_limit,
    "__sample_limit__": _is_number,
    "__label_limit__": _is_number,
    "__max_scrape_size__": lambda _: True,
    "__stream_parse__": _BOOLEANS.__contains__,
}
"""Every such label, and whether vmagent can do with a value; the labels of a URL are not among them, since rules are for these."""

_UNIT = "([mM][sS]|[sShHdDwWyY]|m)"
_PART = f"[0-9]+([.][0-9]*)?{_UNIT}"
_SOME = f"([0-9]*[1-9][0-9]*([.][0-9]*)?{_UNIT}|[0-9]+[.]0{{0,2}}[1-9][0-9]*([sShHdDwWyY]|m))"
_SECONDS = "[0-9]*[1-9][0-9]*([.][0-9]*)?|[0-9]*[.]0{0,2}[1-9][0-9]*"
HARMLESS: Mapping[str, str] = {
    INTERVAL: f"({_PART})*{_SOME}({_PART})*|{_SECONDS}",
    SERIES_LIMIT: f"[-+]?[0-9]{{1,{len(str(limits.SERIES_OF_A_TARGET)) - 1}}}",
}
"""The labels that can stop vmagent -> the values that surely don't; of an interval, those of a millisecond at least."""

_KUBERNETES_KEYS = frozenset(
    f"__meta_kubernetes_{role}_{sort}_({some})"
    for role in ("pod", "service", "node", "namespace", "ingress", "endpoints", "endpointslice")
    for sort in ("label", "annotation")
    for some in (".+", ".*")
)
_SUSPECT_INITIALS = frozenset("lLgG")  # labelmap, labelmap_all, graphite
_ITSELF = (None, "$1", "${1}")


def literal_fault(label: str, value: str) -> str | None:
    """Why vmagent cannot do with a value that is written out; None if it can, or the label is none of these."""
    check = LABELS.get(label)
    if check is None or not value or _has(value, _IN_VALUES) or check(value):
        return None
    return f"vmagent takes no {value!r} for {label}"


def rule_faults(rule: RelabelConfig) -> Iterator[str]:
    """What is wrong with the values that a rule writes out, each with its field."""
    if rule.replacement is not None and (fault := literal_fault(rule.target_label, rule.replacement)):
        yield f"replacement: {fault}"
    yield from label_faults(rule.labels)


def label_faults(labels: Mapping[str, str] | None) -> Iterator[str]:
    """What is wrong with labels that are written out, each with its field."""
    for name, value in (labels or {}).items():
        if fault := literal_fault(name, value):
            yield f"labels.{name}: {fault}"


def dropped(labels: Collection[str] = LABELS) -> Rule:
    """The rule that takes `labels` away."""
    names = "|".join(label.strip("_") for label in labels)
    return {"action": "labeldrop", "regex": f"__({names})__"}


def named(rules: Iterable[RelabelConfig]) -> frozenset[str]:
    """The labels that `rules` mean to write."""
    return frozenset(rule.target_label for rule in rules if rule.target_label in LABELS)


def guards(job: Config, before: Iterable[Rule], kept: Collection[str] = HARMLESS) -> list[Rule]:
    """The rules that take harmful values of the `kept` labels away, as far as `job` can come to any.

    before: rules of the global section, which run first.
    """
    origin = _origin(job)
    rules = [*before, *filter(_is_suspect, job["relabel_configs"])]
    return [
        {"action": "labeldrop", "if": f'{{{label}!~"{HARMLESS[label]}"}}', "regex": label}
        for label in HARMLESS
        if label in kept
        and (
            origin is Origin.ANYBODY
            or any(_lists(entry.get("labels") or {}, label) for entry in job.get("static_configs", ()))
            or may_write(rules, label, origin)
        )
    ]


def may_write(rules: Iterable[Rule], label: str, origin: Origin) -> bool:
    """Whether one of `rules` may write a value into `label` that nobody has looked at."""
    return any(_writes(rule, label, origin) for rule in rules)


def _is_suspect(rule: Rule) -> bool:
    """Whether to look closer: most rules write labels that are not even alike, and there are many."""
    target = rule.get("target_label", "")
    return "__" in target or "$" in target or "%" in target or rule.get("action", "")[:1] in _SUSPECT_INITIALS


def _writes(rule: Rule, label: str, origin: Origin) -> bool:
    action = rule.get("action", "").lower()
    if action == "labelmap":
        names_start_harmless = str(rule.get("regex")) in _KUBERNETES_KEYS and rule.get("replacement") in _ITSELF
        return origin is not Origin.CLUSTER or not names_start_harmless
    if action == "labelmap_all":
        return True
    target = rule.get("target_label", "")
    if target == label and action in ("", "replace") and not _has(rule.get("replacement", "$1"), _IN_VALUES):
        return False
    return label in target or _has(target, _IN_NAMES) or _lists(rule.get("labels") or {}, label, _IN_VALUES)


def _lists(labels: Mapping[str, str], label: str, filled: tuple[str, ...] = _VARIABLE) -> bool:
    """Whether labels that are written out may come to be `label`, be it by what is filled in or by what rules cut off."""
    return any(
        _has(value, filled) if name == label else label in name or _has(name, _VARIABLE)
        for name, value in labels.items()
    )


def _has(text: str, signs: tuple[str, ...]) -> bool:
    return any(sign in text for sign in signs)


def _origin(job: Config) -> Origin:
    kinds = {key.removesuffix("_sd_configs") for key in job if key.endswith("_sd_configs")}
    if kinds & {"http", "file"}:
        return Origin.ANYBODY
    foreign = any("api_server" in entry for entry in job.get("kubernetes_sd_configs", ()))
    return Origin.PREFIXED if foreign or kinds - {"kubernetes"} else Origin.CLUSTER

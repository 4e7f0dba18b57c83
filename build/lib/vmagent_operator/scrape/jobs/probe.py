"""VMProbe: jobs that hand their targets, listed or discovered, to a prober."""

from collections.abc import Iterator, Mapping

from attrs import evolve, frozen

from vmagent_operator.api.endpoint import Relabelings
from vmagent_operator.api.probe import KubernetesTargets, StaticTargets, VMProbeSpec
from vmagent_operator.model.encode import Config
from vmagent_operator.scrape.jobs import relabel
from vmagent_operator.scrape.jobs.job import JobBuilder
from vmagent_operator.scrape.jobs.relabel import Rule, assign, copy
from vmagent_operator.scrape.jobs.static import listed

ANNOTATED_ROLES = frozenset({"service", "pod", "node"})
ANNOTATIONS: Mapping[str, str] = {"path": "/", "scheme": "http"}
"""Parts of a probed URL that an annotation of the target may set, and their defaults."""


@frozen(eq=False)
class Group:
    """Targets that are found and relabelled alike."""

    discovery: dict[str, list[Config]]
    rules: tuple[Rule, ...]


def jobs(spec: VMProbeSpec, builder: JobBuilder) -> Iterator[Config]:
    """The jobs of a VMProbe: one for all targets of a sort, but one a group if some are listed and some discovered.

    The rules of discovered targets would spoil listed ones: they rewrite each address. Raises Missing.
    """
    static = spec.targets.static or spec.targets.static_config
    listed_groups = [_listed(static, builder)] if static else []
    discovered = [_discovered(target, builder) for target in _kubernetes(spec)]
    if static and discovered:
        for index, group in enumerate((*listed_groups, *discovered)):
            job_name = spec.job_name or (builder.name() if index else "")
            yield _job(spec, builder, builder.name(index or None), job_name, [group])
    else:
        yield _job(spec, builder, builder.name(), spec.job_name, [*listed_groups, *discovered])


def _job(spec: VMProbeSpec, builder: JobBuilder, name: str, job_label: str, groups: list[Group]) -> Config:
    prober = spec.vm_prober_spec
    module = {"module": (spec.module,)} if spec.module else {}
    found: dict[str, list[Config]] = {}
    for group in groups:
        for key, entries in group.discovery.items():
            found.setdefault(key, []).extend(entries)
    return builder.job(
        name,
        evolve(
            spec.params,
            path=prober.path or "/probe",
            scheme=prober.scheme or spec.params.scheme,
            params={**spec.params.params, **module},
        ),
        spec.auth,
        _rules(prober.url, job_label, groups),
        relabelings=Relabelings(metric_relabel_configs=spec.metric_relabel_configs),
        late_discovery=found,
    )


def _rules(url: str, job_label: str, groups: list[Group]) -> Iterator[Rule]:
    for group in groups:
        yield from group.rules
    if job_label:
        yield assign("job", job_label)
    yield copy("__param_target", to="instance")
    yield assign("__address__", url)


def _kubernetes(spec: VMProbeSpec) -> Iterator[KubernetesTargets]:
    yield from spec.targets.kubernetes
    if spec.targets.ingress is not None:
        yield evolve(spec.targets.ingress, role="ingress")


def _listed(targets: StaticTargets, builder: JobBuilder) -> Group:
    own = builder.rendered(targets.relabeling_configs)
    entry = listed(targets.targets, targets.labels)
    return Group({"static_configs": [entry]}, (copy("__address__", to="__param_target"), *own))


def _discovered(targets: KubernetesTargets, builder: JobBuilder) -> Group:
    entry = builder.kubernetes(targets.role or "", targets.selector, targets.namespace_selector)
    rules = (*_discovered_rules(targets, builder), *builder.rendered(targets.relabeling_configs))
    return Group({"kubernetes_sd_configs": [entry]}, rules)


def _discovered_rules(targets: KubernetesTargets, builder: JobBuilder) -> Iterator[Rule]:
    role = targets.role or ""  # only where validation was skipped
    meta = f"__meta_kubernetes_{role}"
    if not builder.context.discovery.uses_api_selectors:
        yield from relabel.selected(role, targets.selector)
    if role in ANNOTATED_ROLES:
        for part, default in ANNOTATIONS.items():
            yield from _annotated(meta, part, default)
    yield {
        "source_labels": ["__address__"],
        "separator": ";",
        "regex": "(.*)",
        "target_label": f"__tmp_{role}_address",
        "replacement": "$1",
        "action": "replace",
    }
    yield {
        "source_labels": [f"{meta}_scheme", "__address__", f"{meta}_path"],
        "separator": ";",
        "regex": "(.+);(.+);(.+)",
        "target_label": "__param_target",
        "replacement": "${1}://${2}${3}",
        "action": "replace",
    }
    yield copy("__meta_kubernetes_namespace", to="namespace")
    yield copy(f"{meta}_name", to=role)


def _annotated(meta: str, part: str, default: str) -> Iterator[Rule]:
    """Take one part of the URL from the target's annotation, or else the default."""
    annotation = f"operator_victoriametrics_com_probe_{part}"
    yield {
        "action": "replace",
        "source_labels": [f"{meta}_annotation_{annotation}"],
        "target_label": f"{meta}_{part}",
    }
    yield {
        "if": f'{{{meta}_annotationpresent_{annotation}!="true"}}',
        "action": "replace",
        "target_label": f"{meta}_{part}",
        "replacement": default,
    }

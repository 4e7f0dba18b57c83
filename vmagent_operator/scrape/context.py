"""What reaches a job from outside its scrape object: agent fields and operator settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from attrs import field, frozen

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.scraping import APIServerConfig, ScrapeClass, ScrapingParams
from vmagent_operator.api.vmagent import VMAgentSpec
from vmagent_operator.model.encode import to_config
from vmagent_operator.scrape.checks import placeholder, special
from vmagent_operator.scrape.checks.duration import InvalidDuration, milliseconds
from vmagent_operator.scrape.references import Reference, Scope, Values, keys
from vmagent_operator.settings import Settings


@frozen(kw_only=True, slots=False, cache_hash=True)
class Context:
    """Everything but a scrape object and Secrets that its jobs depend on; equal contexts give equal jobs.

    variables: what the agent itself says that vmagent finds in its environment, by name.
    templates: kind name -> rules appended to those of every job of the kind. enforces: whether the agent holds its scrape objects
    within any bounds. global_rules: those rules of the global section that may write a label that stops vmagent.
    """

    min_interval: str | None
    max_interval: str | None
    scrape_timeout: str
    overrides_honor_labels: bool
    overrides_honor_timestamps: bool
    enforced_label: str
    denies_files: bool
    enforces: bool
    ignores_namespace_selectors: bool
    uses_api_selectors: bool
    is_daemon_set: bool
    enforces_endpointslices: bool
    variables: Mapping[str, str] = field(hash=False)
    api_server: APIServerConfig | None = field(hash=False)
    scrape_classes: tuple[ScrapeClass, ...] = field(hash=False)
    templates: Mapping[str, tuple[RelabelConfig, ...]] = field(hash=False)
    global_rules: tuple[special.Rule, ...] = field(hash=False)

    def scrape_class(self, name: str | None) -> ScrapeClass | None:
        """The class of that name, or else the last default one; None if there is neither."""
        named = (c for c in self.scrape_classes if c.name == name)
        return next(named, None) or next((c for c in reversed(self.scrape_classes) if c.default), None)

    def interval(self, wanted: str) -> str:
        """`wanted` held within the agent's bounds; unchanged if it, or a bound that matters, is no duration."""
        if not wanted or (self.min_interval is None and self.max_interval is None):
            return wanted
        try:
            length = self._milliseconds(wanted)
            if self.min_interval is not None and self._milliseconds(self.min_interval) >= length:
                return self.min_interval
            if self.max_interval is not None and self._milliseconds(self.max_interval) < length:
                return self.max_interval
        except (InvalidDuration, placeholder.Unknown):
            pass
        return wanted

    def _milliseconds(self, text: str) -> int:
        return milliseconds(placeholder.filled(text, self.variables))

    @cached_property
    def named_objects(self) -> frozenset[Reference]:
        """The Secrets and ConfigMaps of classes and API server, in the namespace "", which stands for a scrape object's."""
        return frozenset(reference for reference, _ in self.named_keys)

    @cached_property
    def named_keys(self) -> frozenset[tuple[Reference, str]]:
        """The same with the keys in them."""
        return frozenset().union(*(keys(part, "") for part in (self.api_server, *self.scrape_classes) if part))


def context(agent: CustomObject[VMAgentSpec], settings: Settings) -> Context:
    """The context that `agent` gives its jobs; one instance for as long as the agent does not change."""
    known = agent.memo.get(Context)
    if known is None or known[0] is not settings:
        known = agent.memo[Context] = (settings, _context(spec_of(agent), settings))
    return known[1]


def spec_of(agent: CustomObject[VMAgentSpec]) -> VMAgentSpec:
    """The spec of an agent that could be decoded; there is nothing to do for any other."""
    if agent.spec is None:
        raise agent.error or ValueError(f"{agent.key} has no spec")
    return agent.spec


def has_cluster_access(spec: VMAgentSpec, settings: Settings) -> bool:
    """Whether the agent may look beyond the watched namespaces: always without any, else only with its own account."""
    return not settings.watch_namespaces or bool(spec.apps.service_account_name)


def variables(spec: VMAgentSpec) -> Mapping[str, str]:
    """The environment variables to which the spec gives a value that stands there as it is.

    A value from elsewhere is not known, and one that Kubernetes or vmagent expands once more is not followed.
    """
    return {name: value for name, value in _environment(spec).items() if value is not None}


def hidden_variables(spec: VMAgentSpec) -> frozenset[str] | None:
    """Those that the spec gives a value that is not known here, by name; None if there may be any others."""
    containers = [container for container in spec.apps.containers if container["name"] == "vmagent"]
    if spec.apps.extra_envs_from or any(container.get("envFrom") for container in containers):
        return None
    node = {"KUBE_NODE_NAME"} if spec.daemon_set_mode else set()
    return frozenset(node.union(name for name, value in _environment(spec).items() if value is None))


def fill(spec: VMAgentSpec) -> Callable[[str], str | None]:
    """What vmagent reads where the agent's own YAML holds a text; None if a variable of the agent's decides.

    What it returns raises placeholder.Unknown for a variable that does not come from the agent.
    """
    known, hidden = variables(spec), hidden_variables(spec)

    def filled(text: str) -> str | None:
        try:
            return placeholder.filled(text, known)
        except placeholder.Unknown:
            if hidden is None or any(f"%{{{name}}}" in text for name in hidden):
                return None
            raise

    return filled


def _environment(spec: VMAgentSpec) -> dict[str, str | None]:
    """Variables of vmagent by name; None for a value that is not known. The API server has not looked into their list."""
    containers = (container for container in spec.apps.containers if container["name"] == "vmagent")
    lists = [spec.apps.extra_envs, *(container.get("env") for container in containers)]
    given = (each for env in lists if isinstance(env, list | tuple) for each in env)
    last = {str(each["name"]): each for each in given if isinstance(each, dict) and "name" in each}
    return {name: _literal(each) for name, each in last.items()}


def _literal(variable: Mapping[str, Any]) -> str | None:
    value = variable.get("value") or ""
    is_known = isinstance(value, str) and not variable.get("valueFrom")
    return value if is_known and not any(mark in value for mark in ("$(", "$$", "%{")) else None


def _context(spec: VMAgentSpec, settings: Settings) -> Context:
    scraping = spec.scraping
    return Context(
        min_interval=scraping.min_scrape_interval,
        max_interval=scraping.max_scrape_interval,
        scrape_timeout=scraping.scrape_timeout,
        overrides_honor_labels=scraping.override_honor_labels,
        overrides_honor_timestamps=scraping.override_honor_timestamps,
        enforced_label=scraping.enforced_namespace_label,
        denies_files=scraping.arbitrary_fs_access_through_sms.deny,
        enforces=_enforces(scraping),
        ignores_namespace_selectors=scraping.ignore_namespace_selectors or not has_cluster_access(spec, settings),
        uses_api_selectors=scraping.enable_kubernetes_api_selectors and not spec.daemon_set_mode,
        is_daemon_set=spec.daemon_set_mode,
        enforces_endpointslices=settings.enforce_endpointslices,
        variables=variables(spec),
        api_server=scraping.api_server_config,
        scrape_classes=scraping.scrape_classes,
        templates={
            "VMServiceScrape": scraping.service_scrape_relabel_template,
            "VMPodScrape": scraping.pod_scrape_relabel_template,
            "VMProbe": scraping.probe_scrape_relabel_template,
            "VMNodeScrape": scraping.node_scrape_relabel_template,
            "VMStaticScrape": scraping.static_scrape_relabel_template,
            "VMScrapeConfig": scraping.scrape_config_relabel_template,
        },
        global_rules=tuple(filter(_may_stop, map(_rendered, scraping.global_scrape_relabel_configs))),
    )


def _enforces(scraping: ScrapingParams) -> bool:
    return bool(
        scraping.enforced_namespace_label
        or scraping.min_scrape_interval
        or scraping.max_scrape_interval
        or scraping.arbitrary_fs_access_through_sms.deny
        or scraping.ignore_namespace_selectors
        or scraping.override_honor_labels
        or scraping.override_honor_timestamps
    )


def _rendered(rule: RelabelConfig) -> special.Rule:
    found: special.Rule = to_config(rule, Scope(Values({}), ""))
    return found


def _may_stop(rule: special.Rule) -> bool:
    return any(special.may_write((rule,), label, special.Origin.PREFIXED) for label in special.HARMLESS)

"""What reaches a job from outside its scrape object: agent fields and operator settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from attrs import field, frozen

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.scraping import APIServerConfig, ScrapeClass
from vmagent_operator.api.vmagent import VMAgentSpec
from vmagent_operator.scrape.checks.duration import InvalidDuration, milliseconds
from vmagent_operator.scrape.references import Reference, references
from vmagent_operator.settings import Settings

_PLACEHOLDER = re.compile(r"%\{(.*?)\}", re.S)
_RUNTIME = re.compile(r"HOME|HOSTNAME|PATH|[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT\w*|PORT\w*)")
"""Variables that come from the image, the container runtime and the Services of the namespace."""


@frozen(kw_only=True, slots=False, cache_hash=True)
class Context:
    """Everything but a scrape object and Secrets that its jobs depend on; equal contexts give equal jobs.

    variables: the names of vmagent's environment variables, where the agent says; None if there may be any others.
    templates: kind name -> rules appended to those of every job of the kind.
    """

    min_interval: str | None
    max_interval: str | None
    scrape_timeout: str
    overrides_honor_labels: bool
    overrides_honor_timestamps: bool
    enforced_label: str
    denies_files: bool
    ignores_namespace_selectors: bool
    uses_api_selectors: bool
    is_daemon_set: bool
    enforces_endpointslices: bool
    variables: frozenset[str] | None
    api_server: APIServerConfig | None = field(hash=False)
    scrape_classes: tuple[ScrapeClass, ...] = field(hash=False)
    templates: Mapping[str, tuple[RelabelConfig, ...]] = field(hash=False)

    def scrape_class(self, name: str | None) -> ScrapeClass | None:
        """The class of that name, or else the last default one; None if there is neither."""
        named = (c for c in self.scrape_classes if c.name == name)
        return next(named, None) or next((c for c in reversed(self.scrape_classes) if c.default), None)

    def interval(self, wanted: str) -> str:
        """`wanted` held within the agent's bounds; unchanged if it, or a bound that matters, is no duration."""
        if not wanted or (self.min_interval is None and self.max_interval is None):
            return wanted
        try:
            length = milliseconds(wanted)
            if self.min_interval is not None and milliseconds(self.min_interval) >= length:
                return self.min_interval
            if self.max_interval is not None and milliseconds(self.max_interval) < length:
                return self.max_interval
        except InvalidDuration:
            pass
        return wanted

    @cached_property
    def named_objects(self) -> frozenset[Reference]:
        """The Secrets and ConfigMaps of classes and API server, in the namespace "", which stands for a scrape object's."""
        return frozenset().union(*(references(part, "") for part in (self.api_server, *self.scrape_classes) if part))


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


def variables(spec: VMAgentSpec) -> frozenset[str] | None:
    """The environment variables that the spec gives to vmagent, by name; None if it may give it any."""
    given = [{"env": spec.apps.extra_envs, "envFrom": spec.apps.extra_envs_from}]
    given += (container for container in spec.apps.containers if container["name"] == "vmagent")
    if any(part.get("envFrom") for part in given):
        return None
    node = {"KUBE_NODE_NAME"} if spec.daemon_set_mode else set()
    return frozenset(node.union(*(_named(part.get("env")) for part in given)))


def is_filled(text: str, known: frozenset[str] | None) -> bool:
    """Whether vmagent replaces every placeholder in `text`, of which there is at least one.

    Such a text can't be judged. A placeholder of an unknown variable stays what it is, and may make the text a wrong one.
    """
    names = set(_PLACEHOLDER.findall(text))
    return bool(names) and (known is None or all(name in known or _RUNTIME.fullmatch(name) for name in names))


def _named(env: Any) -> set[str]:
    """The names in a container's list of variables, which the API server has not looked into."""
    return (
        {str(each["name"]) for each in env if isinstance(each, dict) and "name" in each}
        if isinstance(env, list | tuple)
        else set()
    )


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
    )

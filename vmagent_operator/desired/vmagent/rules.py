"""ConfigMaps with the relabeling and stream aggregation rules of remote write.

A value is the YAML of the inline rules, followed by the text of the user's ConfigMap. Since vmagent does not start with a
rule that it cannot read, the status says so before anything is written.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve, frozen

from vmagent_operator.api.core import ConfigMapKeySelector
from vmagent_operator.api.vmagent import StreamAggrConfig, StreamAggrRule
from vmagent_operator.desired import labels, names
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.vmagent.aggregation import faults as aggregation_faults
from vmagent_operator.desired.vmagent.features import (
    VMAgent,
    environment,
    has_aggregation,
    has_relabeling,
    has_rule,
    spec,
)
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_config
from vmagent_operator.scrape.checks.raw import RULE
from vmagent_operator.scrape.errors import OwnerError, refuse
from vmagent_operator.scrape.references import Missing, Reference, SecretResolver, SecretSnapshot
from vmagent_operator.scrape.text import emit
from vmagent_operator.scrape.text.goyaml import InvalidYAML, load

GLOBAL_RELABELING = "global_relabeling.yaml"
GLOBAL_AGGREGATION = "global_aggregation.yaml"
_OPENING = "%{"  # of what vmagent fills in


def url_relabeling(index: int) -> str:
    """The key with the relabeling rules of the destination `index`, counted from 0."""
    return f"url_relabeling-{index}.yaml"


def url_aggregation(index: int) -> str:
    """The key with the aggregation rules of the destination `index`, counted from 0."""
    return f"RWS_{index}-CM-STREAM-AGGR-CONF"


def relabeling(agent: VMAgent, component: Component, snapshot: SecretSnapshot) -> Manifest | None:
    """The ConfigMap with relabeling rules, or None without any; OwnerError for what is missing or wrong."""
    if not has_relabeling(agent):
        return None
    return _config_map(component, names.relabeling(component), _relabelings(agent, snapshot))


def aggregation(agent: VMAgent, component: Component, snapshot: SecretSnapshot) -> Manifest | None:
    """The ConfigMap with aggregation rules, or None without any; OwnerError for what is missing or wrong."""
    if not has_aggregation(agent):
        return None
    return _config_map(component, names.aggregation(component), _aggregations(agent, snapshot))


def _config_map(component: Component, name: str, texts: Iterator[tuple[str, str]]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": labels.meta(component, name),
        "data": {key: text for key, text in texts if text},
    }


def _relabelings(agent: VMAgent, snapshot: SecretSnapshot) -> Iterator[tuple[str, str]]:
    agent_spec, resolver = spec(agent), SecretResolver(snapshot, agent.namespace)
    filled = environment(agent).fill
    sources = [
        (
            GLOBAL_RELABELING,
            _read(
                "spec.inlineRelabelConfig",
                agent_spec.inline_relabel_config,
                "spec.relabelConfig",
                agent_spec.relabel_config,
                resolver,
            ),
        ),
        *(
            (
                url_relabeling(index),
                _read(
                    f"spec.remoteWrite[{index}].inlineUrlRelabelConfig",
                    remote.inline_url_relabel_config,
                    f"spec.remoteWrite[{index}].urlRelabelConfig",
                    remote.url_relabel_config,
                    resolver,
                ),
            )
            for index, remote in enumerate(agent_spec.remote_write)
        ),
    ]
    for key, source in sources:
        refuse([fault for path, rule in source.rules() for fault in RULE(rule, path, filled)])
        yield key, source.joined()


def _aggregations(agent: VMAgent, snapshot: SecretSnapshot) -> Iterator[tuple[str, str]]:
    resolver, filled = SecretResolver(snapshot, agent.namespace), environment(agent).fill
    blocks: list[tuple[str, str, StreamAggrConfig | None]] = [
        (GLOBAL_AGGREGATION, "spec", spec(agent).stream_aggr_config),
        *(
            (url_aggregation(index), f"spec.remoteWrite[{index}]", remote.stream_aggr_config)
            for index, remote in enumerate(spec(agent).remote_write)
        ),
    ]
    for key, where, block in blocks:
        if block is not None and has_rule(block):
            path = f"{where}.streamAggrConfig"
            source = _read(f"{path}.rules", _rules(block), f"{path}.configmap", block.configmap, resolver)
            refuse([fault for at, rule in source.rules() for fault in aggregation_faults(rule, at, block, filled)])
            yield key, source.joined()


def _rules(block: StreamAggrConfig) -> tuple[StreamAggrRule, ...]:
    """The inline rules; vmagent has no flag for what they have in common of `ignoreFirstSampleInterval`."""
    common = block.ignore_first_sample_interval
    return tuple(
        evolve(rule, ignore_first_sample_interval=rule.ignore_first_sample_interval or common) for rule in block.rules
    )


@frozen
class _Source:
    """Where the rules of one file come from: some inline, as vmagent shows them, and the text of a ConfigMap."""

    inline_path: str
    inline: Sequence[object]
    path: str
    text: str

    def rules(self) -> list[tuple[str, Any]]:
        """Every rule with its path, but those that say nothing and are left out."""
        inline = [(f"{self.inline_path}[{index}]", rule) for index, rule in enumerate(self.inline) if rule]
        return inline + [(f"{self.path}[{index}]", rule) for index, rule in enumerate(self.listed())]

    def listed(self) -> list[Any]:
        """The rules of the text; none of one that is YAML only once vmagent has filled it in. Raises OwnerError."""
        try:
            found = load(self.text)
        except InvalidYAML as error:
            if _OPENING in self.text:
                return []
            raise OwnerError(f"{self.path}: {error}") from None
        if found is not None and not isinstance(found, list):
            raise OwnerError(f"{self.path}: expected a list of rules")
        return found or []

    def joined(self) -> str:
        """One YAML list of them all: the two texts one after the other, if that gives it."""
        inline = [rule for rule in self.inline if rule]
        text = (emit.dump(inline) if self.inline else "") + self.text
        rules = inline + self.listed()
        if _OPENING in self.text and len(rules) == len(inline):
            return text
        return text if (_loaded(text) or []) == rules else emit.dump(rules)


def _read(
    inline_path: str,
    inline: Sequence[object],
    path: str,
    selector: ConfigMapKeySelector | None,
    resolver: SecretResolver,
) -> _Source:
    """The rules of both origins. Raises OwnerError for what is missing or wrong."""
    rules = to_config(tuple(inline), resolver)
    if selector is None:
        return _Source(inline_path, rules, path, "")
    try:
        text = resolver.snapshot.text(Reference("ConfigMap", resolver.namespace, selector.name), selector.key)
    except Missing as error:
        raise OwnerError(f"{path}: {error}") from error
    return _Source(inline_path, rules, path, text)


def _loaded(text: str) -> Any:
    try:
        return load(text)
    except InvalidYAML:
        return None

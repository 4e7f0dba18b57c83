"""ConfigMaps with the relabeling and stream aggregation rules of remote write.

A value is the YAML of the inline rules, followed by the text of the user's ConfigMap.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve

from vmagent_operator.api.core import ConfigMapKeySelector
from vmagent_operator.api.vmagent import StreamAggrConfig, StreamAggrRule
from vmagent_operator.desired import labels, names
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.vmagent.features import VMAgent, has_aggregation, has_relabeling, has_rule, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_config
from vmagent_operator.scrape.errors import AgentError
from vmagent_operator.scrape.references import Missing, Reference, Scope, Values
from vmagent_operator.scrape.text import emit

GLOBAL_RELABELING = "global_relabeling.yaml"
GLOBAL_AGGREGATION = "global_aggregation.yaml"


def url_relabeling(index: int) -> str:
    """The key with the relabeling rules of the destination `index`, counted from 0."""
    return f"url_relabeling-{index}.yaml"


def url_aggregation(index: int) -> str:
    """The key with the aggregation rules of the destination `index`, counted from 0."""
    return f"RWS_{index}-CM-STREAM-AGGR-CONF"


def relabeling(agent: VMAgent, component: Component, values: Values) -> Manifest | None:
    """The ConfigMap with relabeling rules, or None without any; AgentError for a reference into nowhere."""
    if not has_relabeling(agent):
        return None
    return _config_map(component, names.relabeling(component), _relabelings(agent, values))


def aggregation(agent: VMAgent, component: Component, values: Values) -> Manifest | None:
    """The ConfigMap with aggregation rules, or None without any; AgentError for a reference into nowhere."""
    if not has_aggregation(agent):
        return None
    return _config_map(component, names.aggregation(component), _aggregations(agent, values))


def _config_map(component: Component, name: str, texts: Iterator[tuple[str, str]]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": labels.meta(component, name),
        "data": {key: text for key, text in texts if text},
    }


def _relabelings(agent: VMAgent, values: Values) -> Iterator[tuple[str, str]]:
    asked, scope = spec(agent), Scope(values, agent.namespace)
    where = "spec.relabelConfig"
    yield GLOBAL_RELABELING, _text(asked.inline_relabel_config, asked.relabel_config, where, scope)
    for index, remote in enumerate(asked.remote_write):
        where = f"spec.remoteWrite[{index}].urlRelabelConfig"
        yield url_relabeling(index), _text(remote.inline_url_relabel_config, remote.url_relabel_config, where, scope)


def _aggregations(agent: VMAgent, values: Values) -> Iterator[tuple[str, str]]:
    scope = Scope(values, agent.namespace)
    blocks: list[tuple[str, str, StreamAggrConfig | None]] = [
        (GLOBAL_AGGREGATION, "spec", spec(agent).stream_aggr_config),
        *(
            (url_aggregation(index), f"spec.remoteWrite[{index}]", remote.stream_aggr_config)
            for index, remote in enumerate(spec(agent).remote_write)
        ),
    ]
    for key, where, block in blocks:
        if block is not None and has_rule(block):
            yield key, _text(_rules(block), block.configmap, f"{where}.streamAggrConfig.configmap", scope)


def _rules(block: StreamAggrConfig) -> tuple[StreamAggrRule, ...]:
    """The inline rules; vmagent has no flag for what they have in common of `ignoreFirstSampleInterval`."""
    common = block.ignore_first_sample_interval
    return tuple(
        evolve(rule, ignore_first_sample_interval=rule.ignore_first_sample_interval or common) for rule in block.rules
    )


def _text(inline: Sequence[Any], selector: ConfigMapKeySelector | None, where: str, scope: Scope) -> str:
    """The YAML of those rules that say something, then the referenced text; `where` is the reference's path."""
    text = emit.dump([rule for rule in to_config(tuple(inline), scope) if rule]) if inline else ""
    if selector is None:
        return text
    try:
        return text + scope.values.text(Reference("ConfigMap", scope.namespace, selector.name), selector.key)
    except Missing as error:
        raise AgentError(f"{where}: {error}") from None

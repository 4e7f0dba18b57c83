"""ConfigMaps with the relabeling and stream aggregation rules of remote write: one file for all destinations, one for each."""

from collections.abc import Iterator

from vmagent_operator.desired import names
from vmagent_operator.desired.around import rules
from vmagent_operator.desired.around.rules import Rules
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.vmagent.features import VMAgent, environment, has_aggregation, has_relabeling, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.references import SecretResolver, SecretSnapshot

GLOBAL_RELABELING = "global_relabeling.yaml"
GLOBAL_AGGREGATION = "global_aggregation.yaml"


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
    return rules.config_map(component, names.relabeling(component), _relabelings(agent, snapshot))


def aggregation(agent: VMAgent, component: Component, snapshot: SecretSnapshot) -> Manifest | None:
    """The ConfigMap with aggregation rules, or None without any; OwnerError for what is missing or wrong."""
    if not has_aggregation(agent):
        return None
    return rules.config_map(component, names.aggregation(component), _aggregations(agent, snapshot))


def _relabelings(agent: VMAgent, snapshot: SecretSnapshot) -> Iterator[tuple[str, str]]:
    given, resolver = spec(agent), SecretResolver(snapshot, agent.namespace)
    common = Rules("spec.inlineRelabelConfig", given.inline_relabel_config, "spec.relabelConfig", given.relabel_config)
    sources = [(GLOBAL_RELABELING, common)]
    for index, remote in enumerate(given.remote_write):
        at, inline = f"spec.remoteWrite[{index}]", remote.inline_url_relabel_config
        own = Rules(f"{at}.inlineUrlRelabelConfig", inline, f"{at}.urlRelabelConfig", remote.url_relabel_config)
        sources.append((url_relabeling(index), own))
    for key, source in sources:
        yield key, rules.relabeling(source, resolver, environment(agent).fill)


def _aggregations(agent: VMAgent, snapshot: SecretSnapshot) -> Iterator[tuple[str, str]]:
    resolver, filled = SecretResolver(snapshot, agent.namespace), environment(agent).fill
    blocks = [(GLOBAL_AGGREGATION, "spec", spec(agent).stream_aggr_config)]
    for index, remote in enumerate(spec(agent).remote_write):
        blocks.append((url_aggregation(index), f"spec.remoteWrite[{index}]", remote.stream_aggr_config))
    for key, where, block in blocks:
        yield key, rules.aggregation(block, f"{where}.streamAggrConfig", resolver, filled)

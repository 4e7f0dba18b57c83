"""What a VMAgent's spec asks for: the predicates that several builders must answer alike.

They are apart so that account, configuration, pod and self scrape cannot disagree on whether a Secret is read.
"""

from vmagent_operator.api.core import ConfigMapKeySelector, SecretKeySelector
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.vmagent import RemoteWriteSpec, StreamAggrConfig, VMAgentSpec
from vmagent_operator.model.encode import find
from vmagent_operator.scrape import context
from vmagent_operator.scrape.checks.raw import Fill
from vmagent_operator.scrape.errors import AgentError
from vmagent_operator.settings import Server, Settings

VMAgent = CustomObject[VMAgentSpec]


def spec(agent: VMAgent) -> VMAgentSpec:
    """The decoded spec; AgentError, with every fault, if it could not be decoded."""
    if agent.spec is None:
        raise AgentError(str(agent.error))
    return agent.spec


def fill(agent: VMAgent) -> Fill:
    """What vmagent reads where a text of the agent's own stands; see context.fill."""
    return context.fill(spec(agent))


def is_daemon_set(agent: VMAgent) -> bool:
    """Whether the workload is a DaemonSet; `daemonSetMode` wins over `statefulMode`."""
    return spec(agent).daemon_set_mode


def is_stateful(agent: VMAgent) -> bool:
    """Whether the workload is a StatefulSet."""
    return spec(agent).stateful_mode and not is_daemon_set(agent)


def shards(agent: VMAgent) -> int:
    """How many workloads share the targets; 0 if the agent is not sharded. One shard is a sharded agent too."""
    return 0 if is_daemon_set(agent) else max(spec(agent).shard_count or 0, 0)


def has_rule(aggregation: StreamAggrConfig | None) -> bool:
    """Whether a stream aggregation block has rules, rather than deduplication alone."""
    return aggregation is not None and bool(aggregation.rules or aggregation.configmap)


def has_url_relabeling(remote: RemoteWriteSpec) -> bool:
    """Whether one destination has relabeling rules of its own."""
    return bool(remote.inline_url_relabel_config or remote.url_relabel_config)


def has_global_relabeling(agent: VMAgent) -> bool:
    """Whether there are relabeling rules for every destination."""
    return bool(spec(agent).inline_relabel_config or spec(agent).relabel_config)


def has_relabeling(agent: VMAgent) -> bool:
    """Whether the relabeling ConfigMap has anything to hold."""
    return has_global_relabeling(agent) or any(map(has_url_relabeling, spec(agent).remote_write))


def has_aggregation(agent: VMAgent) -> bool:
    """Whether the stream aggregation ConfigMap has anything to hold."""
    return has_rule(spec(agent).stream_aggr_config) or any(
        has_rule(remote.stream_aggr_config) for remote in spec(agent).remote_write
    )


def has_remote_write_tls(agent: VMAgent) -> bool:
    """Whether a destination takes TLS content from a Secret or ConfigMap, so that `tls-assets` must be mounted."""
    tls = tuple(remote.tls_config for remote in spec(agent).remote_write)
    return bool(find(tls, SecretKeySelector) or find(tls, ConfigMapKeySelector))


def has_remote_write_secrets(agent: VMAgent) -> bool:
    """Whether a destination needs content that the operator copies, so that even an ingest-only agent has Secrets.

    TLS content in ConfigMaps counts: it is copied into the TLS Secret as well.
    """
    return has_remote_write_tls(agent) or any(
        (remote.basic_auth and remote.basic_auth.password and remote.basic_auth.password.name)
        or (remote.bearer_token_secret and remote.bearer_token_secret.name)
        or (remote.oauth2 and remote.oauth2.client_secret)
        for remote in spec(agent).remote_write
    )


def has_secrets(agent: VMAgent) -> bool:
    """Whether there are a configuration and a TLS Secret; the reloader then reads the former through the API."""
    return not spec(agent).scraping.ingest_only_mode or has_remote_write_secrets(agent)


def has_reloader(agent: VMAgent) -> bool:
    """Whether the pod has a config-reloader."""
    return has_secrets(agent) or has_relabeling(agent) or has_aggregation(agent)


def has_license(agent: VMAgent) -> bool:
    """Whether a license is provided, by value or by reference."""
    license = spec(agent).license
    return license is not None and bool(license.key or license.key_ref)


def is_openshift(settings: Settings, server: Server) -> bool:
    """Whether ids are left to OpenShift and its service authority is mounted."""
    return settings.openshift == "enabled" or (settings.openshift == "auto" and server.openshift)

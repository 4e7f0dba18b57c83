"""What a VMAgent's spec asks for: the predicates that several builders must answer alike.

They are apart so that account, configuration, pod and self scrape cannot disagree on whether a Secret is read.
"""

from vmagent_operator.api.apps import ManagedMetadata
from vmagent_operator.api.core import ConfigMapKeySelector, SecretKeySelector
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.vmagent import RemoteWriteSpec, VMAgentSpec
from vmagent_operator.desired import labels
from vmagent_operator.desired.around.rules import has_rule
from vmagent_operator.desired.component import Application, Component
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.walk import find
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.owner import Environment, ScrapeOwner, asks_for_nothing
from vmagent_operator.scrape.owner import environment as _environment
from vmagent_operator.settings import Server, Settings

VMAgent = CustomObject[VMAgentSpec]

VMAGENT = Application(
    name="vmagent",
    prefix="vmagent-",
    config_file="vmagent.yaml",
    config_directory="/etc/vmagent/config",
    config_out_directory="/etc/vmagent/config_out",
    assets_directory="/etc/vmagent-tls/certs",
)


def spec(agent: VMAgent) -> VMAgentSpec:
    """The decoded spec; OwnerError, with every fault, if it could not be decoded."""
    if agent.spec is None:
        raise OwnerError(str(agent.error))
    return agent.spec


def environment(agent: VMAgent) -> Environment:
    """What vmagent finds in its environment."""
    return _environment(spec(agent).apps, VMAGENT.name, is_daemon_set=is_daemon_set(agent))


def is_daemon_set(agent: VMAgent) -> bool:
    """Whether the workload is a DaemonSet; `daemonSetMode` wins over `statefulMode`."""
    return spec(agent).daemon_set_mode


def is_stateful(agent: VMAgent) -> bool:
    """Whether the workload is a StatefulSet."""
    return spec(agent).stateful_mode and not is_daemon_set(agent)


def shards(agent: VMAgent) -> int:
    """How many workloads share the targets; 0 if the agent is not sharded. One shard is a sharded agent too."""
    return 0 if is_daemon_set(agent) else max(spec(agent).shard_count or 0, 0)


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


def is_unmanaged(agent: VMAgent) -> bool:
    """Whether the scrape configuration is the user's own: the agent scrapes, but nothing says what."""
    scraping = spec(agent).scraping
    return not scraping.ingest_only_mode and asks_for_nothing(scraping)


def prefixed(agent: VMAgent) -> str:
    """The name that most children have: `vmagent-<name>`, or the agent's own with legacy naming."""
    return agent.name if spec(agent).use_legacy_naming else f"{VMAGENT.prefix}{agent.name}"


def component(agent: VMAgent, settings: Settings, server: Server = Server()) -> Component:  # noqa: B008
    """The agent as generic builders see it. Raises OwnerError."""
    agent_spec = spec(agent)
    return Component(
        owner=agent,
        app=VMAGENT,
        name=prefixed(agent),
        params=agent_spec.apps,
        settings=settings,
        server=server,
        managed=agent_spec.managed_metadata or ManagedMetadata(),
        license=agent_spec.license,
        account=agent_spec.service_account_name,
        kind="DaemonSet" if is_daemon_set(agent) else "StatefulSet" if is_stateful(agent) else "Deployment",
        shards=shards(agent),
    )


def scrape_owner(agent: VMAgent, settings: Settings) -> ScrapeOwner:
    """The agent as whoever selects scrape objects. Raises OwnerError."""
    agent_spec = spec(agent)
    return ScrapeOwner(
        object=agent,
        scraping=agent_spec.scraping,
        params=agent_spec.apps,
        settings=settings,
        account=agent_spec.service_account_name,
        container=VMAGENT.name,
        is_daemon_set=agent_spec.daemon_set_mode,
        assets_directory=VMAGENT.assets_directory,
    )


def scale(agent: VMAgent) -> Manifest:
    """What the agent's scale subresource and columns read in its status, as far as its spec could be decoded.

    The replicas are those that each of its workloads begins with; a DaemonSet's depend on the nodes.
    """
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.instance(VMAGENT, agent.name).items()))
    if agent.spec is None:
        return {"selector": selector, "shards": agent.status.get("shards", 1)}
    replicas = agent.spec.apps.replica_count
    if replicas is None:
        replicas = 0 if is_daemon_set(agent) else 1
    return {"selector": selector, "shards": shards(agent) or 1, "replicas": replicas}

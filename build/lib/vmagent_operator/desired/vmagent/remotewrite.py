"""Arguments of remote write, and what must be mounted for them to work.

A flag that differs between destinations holds one value for each `-remoteWrite.url`, in the order of the URLs, with a
placeholder for those that have none.

Where a destination names both a Secret and a file for its password or client secret, the Secret counts: it is what the
operator copies and keeps up to date, and what counts in `oauth2` of a scrape job too.
"""

from collections.abc import Callable, Iterator, Sequence

from attrs import frozen

from vmagent_operator.api.aggregation import StreamAggrConfig
from vmagent_operator.api.auth import BasicAuth, OAuth2, SecretOrConfigMap, TLSConfig
from vmagent_operator.api.core import SecretKeySelector
from vmagent_operator.api.vmagent import AWS, RemoteWriteSettings, RemoteWriteSpec
from vmagent_operator.desired import args
from vmagent_operator.desired.around import rules as aggregation
from vmagent_operator.desired.around.rules import OPTIONS, boolean, has_rule
from vmagent_operator.desired.vmagent import queue, rules, startup
from vmagent_operator.desired.vmagent.features import (
    VMAGENT,
    VMAgent,
    environment,
    has_global_relabeling,
    has_url_relabeling,
    spec,
)
from vmagent_operator.desired.workload.volumes import AGGREGATION_DIRECTORY, RELABELING_DIRECTORY
from vmagent_operator.scrape.errors import OwnerError, refuse
from vmagent_operator.scrape.references import Missing, SecretResolver, SecretSnapshot, Selector

_DEFAULT_QUEUE_BYTES = 1 << 30
"""What a queue may take where nobody says: an `emptyDir` is the node's disk, which others need too."""


@frozen(kw_only=True)
class Assets:
    """Values to copy, key -> text: `config` into the configuration Secret, `tls` into the TLS Secret."""

    config: dict[str, str]
    tls: dict[str, str]


@frozen(eq=False)
class Destination:
    """One entry of `remoteWrite`, and where its references lead; OwnerError names one that leads nowhere.

    config, tls: collect what is copied into the two Secrets.
    """

    index: int
    remote: RemoteWriteSpec
    config: SecretResolver
    tls: SecretResolver

    @property
    def basic_auth(self) -> BasicAuth:
        """`basicAuth`, empty if it is absent; so are the next four."""
        return self.remote.basic_auth or BasicAuth()

    @property
    def oauth2(self) -> OAuth2:
        return self.remote.oauth2 or OAuth2(client_id=SecretOrConfigMap(), token_url="")

    @property
    def tls_config(self) -> TLSConfig:
        return self.remote.tls_config or TLSConfig()

    @property
    def aws(self) -> AWS:
        return self.remote.aws or AWS()

    @property
    def aggregation(self) -> StreamAggrConfig:
        return self.remote.stream_aggr_config or StreamAggrConfig()

    @property
    def relabeling_file(self) -> str:
        """The path of this destination's relabeling rules; empty without any."""
        return f"{RELABELING_DIRECTORY}/{rules.url_relabeling(self.index)}" if has_url_relabeling(self.remote) else ""

    @property
    def aggregation_file(self) -> str:
        """The path of this destination's aggregation rules; empty without any."""
        return f"{AGGREGATION_DIRECTORY}/{rules.url_aggregation(self.index)}" if has_rule(self.aggregation) else ""

    def text(self, selector: Selector | None, field: str) -> str:
        """The text itself; empty without a reference, or with one that has no name."""
        if selector is None or not selector.name:
            return ""
        return self._found(field, lambda: self.config.text(selector))

    def credential(self, selector: SecretKeySelector | None, field: str) -> str:
        """The path of a copy in the configuration Secret; empty without a reference."""
        if selector is None or not selector.name:
            return ""
        return self._found(field, lambda: self.config.path(selector))

    def file(self, path: str, selector: Selector | None, field: str) -> str:
        """The user's path to TLS content, or that of a copy in the TLS Secret; empty if there is neither."""
        if path or selector is None:
            return path
        return self._found(f"tlsConfig.{field}", lambda: self.tls.path(selector))

    def _found(self, field: str, look_up: Callable[[], str]) -> str:
        try:
            return look_up()
        except Missing as missing:
            where = f"spec.remoteWrite[{self.index}].{field}"
            raise OwnerError(f"failed to build remote write args: {where}: {missing}") from missing


@frozen(eq=False)
class Flag:
    """A flag with a value for each destination; `empty` stands for those of which `value` is an empty text."""

    name: str
    value: Callable[[Destination], str]
    empty: str = ""

    def arguments(self, destinations: Sequence[Destination]) -> Iterator[str]:
        """The argument, unless no destination has a value."""
        values = [self.value(destination) or self.empty for destination in destinations]
        if any(value != self.empty for value in values):
            yield f"-remoteWrite.{self.name}={args.join(values)}"


def arguments(agent: VMAgent, snapshot: SecretSnapshot) -> list[str]:
    """The arguments of remote write, those for all destinations included.

    Raises OwnerError for a reference into nowhere, and for what vmagent would not start with, naming the field.
    """
    destinations = _destinations(agent, snapshot)
    refuse([*_faults(agent, destinations)])
    per_url = [argument for flag in FLAGS for argument in flag.arguments(destinations)]
    return [*per_url, *_queues(agent), *_settings(agent), *_for_all(agent)]


def _faults(agent: VMAgent, destinations: Sequence[Destination]) -> Iterator[str]:
    """What vmagent would not start with; a flag that the user gives otherwise is the user's to get right."""
    agent_spec, filled = spec(agent), environment(agent).fill
    extra = agent_spec.apps.extra_args
    if "remoteWrite.url" in extra:
        return
    for at in destinations:
        flags = {flag.name: flag.value(at) for flag in FLAGS if f"remoteWrite.{flag.name}" not in extra}
        yield from startup.destination(flags, f"spec.remoteWrite[{at.index}]", filled)
    if agent_spec.remote_write_settings and "remoteWrite.flushInterval" not in extra:
        yield from startup.common(agent_spec.remote_write_settings, filled)
    if agent_spec.stream_aggr_config and "streamAggr.dedupInterval" not in extra:
        yield from startup.deduplication(agent_spec.stream_aggr_config.dedup_interval, "spec.streamAggrConfig", filled)


def assets(agent: VMAgent, snapshot: SecretSnapshot) -> Assets:
    """What `arguments` refer to as files. Raises OwnerError like it."""
    destinations = _destinations(agent, snapshot)
    for flag in FLAGS:
        for destination in destinations:
            flag.value(destination)
    return Assets(
        config={key: text for destination in destinations for key, text in destination.config.assets.items()},
        tls={key: text for destination in destinations for key, text in destination.tls.assets.items()},
    )


def _destinations(agent: VMAgent, snapshot: SecretSnapshot) -> list[Destination]:
    return [
        Destination(
            index,
            remote,
            config=SecretResolver(snapshot, agent.namespace, directory=VMAGENT.config_directory),
            tls=SecretResolver(snapshot, agent.namespace, directory=VMAGENT.assets_directory),
        )
        for index, remote in enumerate(spec(agent).remote_write)
    ]


def _quoted(text: str) -> str:
    return args.quote(text) if text else ""


def _reference(given: SecretOrConfigMap | None) -> Selector | None:
    return given.reference if given else None


def _each(value: Callable[[StreamAggrConfig], str]) -> Callable[[Destination], str]:
    """An aggregation option of each destination."""
    return lambda at: value(at.aggregation)


FLAGS: tuple[Flag, ...] = (
    Flag("url", lambda at: at.remote.url),
    Flag("basicAuth.username", lambda at: _quoted(at.text(at.basic_auth.username, "basicAuth.username")), empty='""'),
    Flag(
        "basicAuth.passwordFile",
        lambda at: at.credential(at.basic_auth.password, "basicAuth.password") or at.basic_auth.password_file,
    ),
    Flag(
        "bearerTokenFile",
        lambda at: _quoted(at.credential(at.remote.bearer_token_secret, "bearerTokenSecret")),
        empty='""',
    ),
    Flag("oauth2.clientID", lambda at: at.text(at.oauth2.client_id.reference, "oauth2.client_id")),
    Flag(
        "oauth2.clientSecretFile",
        lambda at: at.credential(at.oauth2.client_secret, "oauth2.client_secret") or at.oauth2.client_secret_file,
    ),
    Flag("oauth2.scopes", lambda at: ";".join(at.oauth2.scopes)),
    Flag("oauth2.tokenUrl", lambda at: at.oauth2.token_url),
    Flag("tlsCAFile", lambda at: at.file(at.tls_config.ca_file, _reference(at.tls_config.ca), "ca")),
    Flag("tlsCertFile", lambda at: at.file(at.tls_config.cert_file, _reference(at.tls_config.cert), "cert")),
    Flag("tlsKeyFile", lambda at: at.file(at.tls_config.key_file, at.tls_config.key_secret, "keySecret")),
    Flag("tlsServerName", lambda at: at.tls_config.server_name),
    Flag("tlsInsecureSkipVerify", lambda at: boolean(at.tls_config.insecure_skip_verify), empty="false"),
    Flag("aws.ec2Endpoint", lambda at: at.aws.ec2_endpoint),
    Flag("aws.region", lambda at: at.aws.region),
    Flag("aws.roleARN", lambda at: at.aws.role_arn),
    Flag("aws.service", lambda at: at.aws.service),
    Flag("aws.stsEndpoint", lambda at: at.aws.sts_endpoint),
    Flag("aws.useSigv4", lambda at: boolean(at.aws.use_sigv4), empty="false"),
    Flag("headers", lambda at: "^^".join(at.remote.headers)),
    Flag("proxyURL", lambda at: at.remote.proxy_url or ""),
    Flag("sendTimeout", lambda at: at.remote.send_timeout or ""),
    Flag("forceVMProto", lambda at: boolean(at.remote.force_vm_proto), empty="false"),
    Flag("urlRelabelConfig", lambda at: at.relabeling_file),
    Flag("streamAggr.config", lambda at: at.aggregation_file),
    Flag("streamAggr.dropInputLabels", lambda at: "^^".join(at.aggregation.drop_input_labels)),
    *(Flag(name, _each(value), empty) for name, value, empty in OPTIONS),
)


def _queues(agent: VMAgent) -> Iterator[str]:
    """Number and size of the queues, where they are not left to vmagent."""
    settings, remotes = spec(agent).remote_write_settings or RemoteWriteSettings(), spec(agent).remote_write
    # An entry's 0 means one queue, but without a common number that is what the reference operator takes for no number.
    numbers = [remote.queues or (None if settings.queues is None else remote.queues) for remote in remotes]
    yield from _sized("queues", settings.queues, numbers)
    common = settings.max_disk_usage_per_url
    if common is None or str(common) == str(_DEFAULT_QUEUE_BYTES):
        common = queue.size_bytes(agent) or _DEFAULT_QUEUE_BYTES
    yield from _sized("maxDiskUsagePerURL", common, [remote.max_disk_usage for remote in remotes])


def _sized(name: str, common: int | str | None, given: Sequence[int | str | None]) -> Iterator[str]:
    """An argument with a value for each destination, or the one that they have in common.

    An empty value leaves a destination to vmagent.
    """
    placeholder = "" if common is None else str(common)
    values = [placeholder if value is None else str(value) for value in given]
    if any(value != placeholder for value in values):
        yield f"-remoteWrite.{name}={','.join(values)}"
    elif placeholder:
        yield f"-remoteWrite.{name}={placeholder}"


def _settings(agent: VMAgent) -> Iterator[str]:
    """What holds for remote write as a whole."""
    settings = spec(agent).remote_write_settings or RemoteWriteSettings()
    yield f"-remoteWrite.tmpDataPath={settings.tmp_data_path or queue.path(agent)}"
    if settings.max_block_size is not None:
        yield f"-remoteWrite.maxBlockSize={settings.max_block_size}"
    if settings.show_url is not None:
        yield f"-remoteWrite.showURL={boolean(settings.show_url)}"
    if settings.flush_interval is not None:
        yield f"-remoteWrite.flushInterval={settings.flush_interval}"
    if settings.label:
        yield f"-remoteWrite.label={args.join([f'{key}={settings.label[key]}' for key in sorted(settings.label)])}"
    if settings.use_multi_tenant_mode:
        yield "-enableMultitenantHandlers=true"


def _for_all(agent: VMAgent) -> Iterator[str]:
    """Relabeling and aggregation ahead of every destination."""
    if has_global_relabeling(agent):
        yield f"-remoteWrite.relabelConfig={RELABELING_DIRECTORY}/{rules.GLOBAL_RELABELING}"
    config = spec(agent).stream_aggr_config
    yield from aggregation.arguments(config, f"{AGGREGATION_DIRECTORY}/{rules.GLOBAL_AGGREGATION}")

"""The pod: vmagent, its config-reloader, and what the user adds to them."""

from collections.abc import Iterator

from vmagent_operator.desired import args, container, image, labels, listener, names, probes, resources, security
from vmagent_operator.desired.around import service
from vmagent_operator.desired.defaults import canonical, canonical_list
from vmagent_operator.desired.vmagent import features, remotewrite
from vmagent_operator.desired.vmagent.features import VMAgent
from vmagent_operator.desired.workload import claims, reloader, volumes
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import AgentError
from vmagent_operator.scrape.references import Values
from vmagent_operator.settings import Server, Settings

_SLEEP_SINCE = (1, 30)
_DEFAULT_SLEEP_SECONDS = 15

# Flags that open the insert ports, by the attribute of `insertPorts`. Their two dashes sort them first, and keep
# `extraArgs` from replacing them.
_INSERT_FLAGS = {
    "graphite_port": "graphiteListenAddr",
    "influx_port": "influxListenAddr",
    "open_tsdb_port": "opentsdbListenAddr",
    "open_tsdb_http_port": "opentsdbHTTPListenAddr",
}


def spec(agent: VMAgent, settings: Settings, server: Server, values: Values, overflow_count: int) -> Manifest:
    """The spec of the pod template, with the shard placeholder wherever the user wrote it.

    overflow_count: how many overflow Secrets there are. Raises AgentError for a reference of remote write into nowhere,
    and for volumes and mounts that do not fit together.
    """
    apps = features.spec(agent).apps
    own = [
        _vmagent(agent, settings, server, values, overflow_count),
        *reloader.sidecar(agent, settings, overflow_count),
    ]
    init = reloader.init(agent, settings)
    context = security.container(agent, settings, server)
    if context is not None:
        own, init = ([one | {"securityContext": context} for one in some] for some in (own, init))
    pod = _scheduling(agent, settings) | {
        "serviceAccountName": names.service_account(agent),
        "automountServiceAccountToken": False if volumes.needs_token(agent) else None,
        "securityContext": security.pod(agent, settings, server),
        "initContainers": container.merged(init, apps.init_containers),
        "containers": container.merged(own, apps.containers),
        "volumes": volumes.pod(agent, settings, server, overflow_count),
    }
    _check(agent, pod)
    return {field: value for field, value in pod.items() if value not in (None, "", [], {})}


def _vmagent(agent: VMAgent, settings: Settings, server: Server, values: Values, overflow_count: int) -> Manifest:
    asked = features.spec(agent)
    env = canonical_list(asked.apps.extra_envs)
    if features.is_daemon_set(agent):
        env.append({"name": "KUBE_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}})
    vmagent = {
        "name": "vmagent",
        "image": image.vmagent(agent, settings),
        "imagePullPolicy": image.pull_policy(agent),
        "args": _arguments(agent, settings, values),
        "env": env,
        "envFrom": canonical_list(asked.apps.extra_envs_from),
        "ports": list(_ports(agent, settings)),
        "resources": resources.vmagent(agent, settings),
        "volumeMounts": volumes.mounts(agent, settings, server, overflow_count),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **probes.vmagent(agent, settings),
    }
    if seconds := _sleep_seconds(agent, settings, server):
        vmagent["lifecycle"] = {"preStop": {"sleep": {"seconds": seconds}}}
    return {key: value for key, value in vmagent.items() if value}


def _arguments(agent: VMAgent, settings: Settings, values: Values) -> list[str]:
    """vmagent's arguments, sorted; only that of the reload key, which the user cannot replace, comes last."""
    generated = [*remotewrite.arguments(agent, values), *_general(agent, settings), *_license(agent), *_insert(agent)]
    arguments = sorted(args.override(generated, features.spec(agent).apps.extra_args))
    if features.spec(agent).reloader.config_reload_auth_key_secret:
        arguments.append(f"-reloadAuthKey={reloader.reload_key(agent)}")
    return arguments


def _general(agent: VMAgent, settings: Settings) -> Iterator[str]:
    asked = features.spec(agent)
    yield f"-httpListenAddr=:{listener.port(agent, settings)}"
    if settings.enable_tcp6:
        yield "-enableTCP6"
    if asked.apps.log_level:
        yield f"-loggerLevel={asked.apps.log_level}"
    if asked.apps.log_format:
        yield f"-loggerFormat={asked.apps.log_format}"
    if asked.apps.extra_envs or asked.apps.extra_envs_from:
        yield "-envflag.enable=true"
    if not asked.scraping.ingest_only_mode:
        yield f"-promscrape.config={reloader.CONFIG_FILE}"


def _license(agent: VMAgent) -> Iterator[str]:
    license = features.spec(agent).license
    if license is None or not features.has_license(agent):
        return
    if license.key is not None:
        yield f"-license={license.key}"
    if license.key_ref is not None:
        yield f"-licenseFile={volumes.SECRETS_DIRECTORY}/{license.key_ref.name}/{license.key_ref.key}"
    if license.force_offline is not None:
        yield f"-license.forceOffline={'true' if license.force_offline else 'false'}"
    if license.reload_interval is not None:
        yield f"-licenseFile.reloadInterval={license.reload_interval}"


def _insert(agent: VMAgent) -> Iterator[str]:
    ports = features.spec(agent).insert_ports
    for attribute, flag in _INSERT_FLAGS.items():
        if port := getattr(ports, attribute, ""):
            yield f"--{flag}=:{port}"


def _ports(agent: VMAgent, settings: Settings) -> Iterator[Manifest]:
    """The container's ports; a text that is no number gives a 0, which the API server refuses."""
    given = [("http", "TCP", listener.port(agent, settings))]
    for attribute, _, ports in service.INSERT_PORTS:
        if port := getattr(features.spec(agent).insert_ports, attribute, ""):
            given += [(name, protocol, port) for name, protocol in ports]
    for name, protocol, port in given:
        number = listener.number_or_name(port)
        yield {"name": name, "containerPort": number if isinstance(number, int) else 0, "protocol": protocol}


def _grace_seconds(agent: VMAgent, settings: Settings) -> int:
    given = features.spec(agent).apps.termination_grace_period_seconds
    return settings.vmagent_termination_grace_period_seconds if given is None else given


def _sleep_seconds(agent: VMAgent, settings: Settings, server: Server) -> int:
    """How long vmagent goes on after its pod was told to stop, so that Services forget it first; 0 for not at all."""
    seconds = features.spec(agent).apps.pre_stop_sleep_seconds
    if seconds is None:
        seconds = _DEFAULT_SLEEP_SECONDS if settings.enable_default_prestop_hook else 0
    fits = 0 < seconds < _grace_seconds(agent, settings)
    return seconds if fits and server.version >= _SLEEP_SINCE else 0


def _scheduling(agent: VMAgent, settings: Settings) -> Manifest:
    """Pod fields that are the user's as they are, or have a plain default."""
    apps = features.spec(agent).apps
    return {
        "affinity": canonical(apps.affinity or {}),
        "tolerations": canonical_list(apps.tolerations),
        "nodeSelector": dict(apps.node_selector),
        "topologySpreadConstraints": [
            {"labelSelector": {"matchLabels": labels.selector(agent)}} | canonical(constraint)
            for constraint in apps.topology_spread_constraints
        ],
        "priorityClassName": apps.priority_class_name,
        "schedulerName": apps.scheduler_name or "default-scheduler",
        "runtimeClassName": apps.runtime_class_name,
        "hostNetwork": apps.host_network or None,
        "hostAliases": canonical_list(apps.old_host_aliases or apps.host_aliases),
        "dnsPolicy": apps.dns_policy or "ClusterFirst",
        "dnsConfig": canonical(apps.dns_config or {}),
        "imagePullSecrets": canonical_list(apps.image_pull_secrets),
        "readinessGates": canonical_list(apps.readiness_gates),
        "enableServiceLinks": apps.enable_service_links,
        "terminationGracePeriodSeconds": _grace_seconds(agent, settings),
    }


def _check(agent: VMAgent, pod: Manifest) -> None:
    """AgentError for volumes of the same name, and for mounts of none: the API server would refuse the workload."""
    templates = [claim.get("metadata", {}) for claim in claims.claims(agent)]
    found = [volume.get("name", "") for volume in (*pod["volumes"], *templates)]
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise AgentError(f"two volumes or claim templates of the name {', '.join(twice)}")
    for one in (*pod["initContainers"], *pod["containers"]):
        mounts = one.get("volumeMounts")
        for mount in mounts if isinstance(mounts, list) else ():
            name = mount.get("name") if isinstance(mount, dict) else mount
            if name not in found:
                where = f"container {one['name']} mounts {name}"
                raise AgentError(
                    f"{where}, which is neither a volume nor a claim template; there are {', '.join(found)}"
                )

"""The pod: the application's container, what runs beside it, and what the user adds to them."""

from collections.abc import Iterator, Sequence

from attrs import frozen

from vmagent_operator.desired import args, container, image, labels, listener, names, probes, resources, security
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.defaults import canonical, canonical_list
from vmagent_operator.desired.workload import unique, volumes
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError

_SLEEP_SINCE = (1, 30)
"""The first Kubernetes whose `preStop` knows `sleep` without a feature gate; older ones refuse the pod."""
_DEFAULT_SLEEP_SECONDS = 15
"""As the Go operator has it; Services forget a pod within a few seconds, load balancers within some more."""


@frozen(kw_only=True)
class Parts:
    """What an application brings into its pod: containers, init containers, volumes, and its claim templates."""

    containers: Sequence[Manifest]
    init_containers: Sequence[Manifest] = ()
    volumes: Sequence[Manifest] = ()
    claims: Sequence[Manifest] = ()


def spec(component: Component, parts: Parts) -> Manifest:
    """The spec of the pod template, with the shard placeholder wherever the user wrote it.

    Raises OwnerError for volumes and mounts that do not fit together.
    """
    own, init = list(parts.containers), list(parts.init_containers)
    context = security.container(component)
    if context is not None:
        own, init = ([one | {"securityContext": context} for one in some] for some in (own, init))
    pod = _scheduling(component) | {
        "serviceAccountName": names.service_account(component),
        "automountServiceAccountToken": False if volumes.needs_token(component) else None,
        "securityContext": security.pod(component),
        "initContainers": container.merged(init, component.params.init_containers),
        "containers": container.merged(own, component.params.containers),
        "volumes": list(parts.volumes),
    }
    _check(pod, parts.claims)
    pod |= {group: [unique.container(one) for one in pod[group]] for group in ("initContainers", "containers")}
    return {field: value for field, value in pod.items() if value not in (None, "", [], {})}


def main(
    component: Component,
    arguments: Sequence[str],
    mounts: Sequence[Manifest],
    *,
    env: Sequence[Manifest] = (),
    ports: Sequence[tuple[str, str, str]] = (),
) -> Manifest:
    """The application's container.

    env: variables beside those of the user. ports: name, protocol and number of each beside that of HTTP; a text that is
    no number gives a 0, which the API server refuses.
    """
    params = component.params
    found = {
        "name": component.app.container,
        "image": image.main(component),
        "imagePullPolicy": image.pull_policy(component),
        "args": list(arguments),
        "env": [*canonical_list(params.extra_envs), *env],
        "envFrom": canonical_list(params.extra_envs_from),
        "ports": [
            {"name": name, "containerPort": number if isinstance(number, int) else 0, "protocol": protocol}
            for name, protocol, port in (("http", "TCP", listener.port(component)), *ports)
            for number in [listener.number_or_name(port)]
        ],
        "resources": resources.main(component),
        "volumeMounts": list(mounts),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **probes.main(component),
    }
    if seconds := _sleep_seconds(component):
        found["lifecycle"] = {"preStop": {"sleep": {"seconds": seconds}}}
    return {key: value for key, value in found.items() if value}


def arguments(component: Component) -> Iterator[str]:
    """The arguments that every application understands."""
    yield f"-httpListenAddr=:{listener.port(component)}"
    if component.settings.enable_tcp6:
        yield "-enableTCP6"
    yield from common_arguments(component)


def common_arguments(component: Component) -> Iterator[str]:
    """Those of them that programs without a listener of their own understand too: log, environment, license."""
    params = component.params
    if params.log_level:
        yield f"-loggerLevel={params.log_level}"
    if params.log_format:
        yield f"-loggerFormat={params.log_format}"
    if params.extra_envs or params.extra_envs_from:
        yield "-envflag.enable=true"
    yield from _license(component)


def overridden(component: Component, generated: Sequence[str]) -> list[str]:
    """`generated` with `extraArgs` in place of those of the same names, sorted."""
    return sorted(args.override(generated, component.params.extra_args))


def _license(component: Component) -> Iterator[str]:
    license = component.license
    if license is None or not component.has_license:
        return
    if license.key is not None:
        yield f"-license={license.key}"
    if license.key_ref is not None:
        yield f"-licenseFile={volumes.SECRETS_DIRECTORY}/{license.key_ref.name}/{license.key_ref.key}"
    if license.force_offline is not None:
        yield f"-license.forceOffline={'true' if license.force_offline else 'false'}"
    if license.reload_interval is not None:
        yield f"-licenseFile.reloadInterval={license.reload_interval}"


def _grace_seconds(component: Component) -> int:
    given = component.params.termination_grace_period_seconds
    return component.defaults.termination_grace_period_seconds if given is None else given


def _sleep_seconds(component: Component) -> int:
    """How long it goes on after its pod was told to stop, so that Services forget it first; 0 for not at all."""
    seconds = component.params.pre_stop_sleep_seconds
    if seconds is None:
        seconds = _DEFAULT_SLEEP_SECONDS if component.settings.enable_default_prestop_hook else 0
    fits = component.app.sleeps and 0 < seconds < _grace_seconds(component)
    return seconds if fits and component.server.version >= _SLEEP_SINCE else 0


def _scheduling(component: Component) -> Manifest:
    """Pod fields that are the user's as they are, or have a plain default."""
    params = component.params
    spread = {"labelSelector": {"matchLabels": labels.selector(component)}} if component.app.joins_spread else {}
    return {
        "affinity": canonical(params.affinity or {}),
        "tolerations": canonical_list(params.tolerations),
        "nodeSelector": dict(params.node_selector),
        "topologySpreadConstraints": [
            spread | canonical(constraint) for constraint in params.topology_spread_constraints
        ],
        "priorityClassName": params.priority_class_name,
        "schedulerName": params.scheduler_name or "default-scheduler",
        "runtimeClassName": params.runtime_class_name,
        "hostNetwork": params.host_network or None,
        "hostAliases": unique.host_aliases(canonical_list(params.old_host_aliases or params.host_aliases)),
        "dnsPolicy": params.dns_policy or "ClusterFirst",
        "dnsConfig": canonical(params.dns_config or {}),
        "imagePullSecrets": unique.first(canonical_list(params.image_pull_secrets), "name"),
        "readinessGates": canonical_list(params.readiness_gates),
        "enableServiceLinks": params.enable_service_links,
        "terminationGracePeriodSeconds": _grace_seconds(component),
    }


def _check(pod: Manifest, claims: Sequence[Manifest]) -> None:
    """OwnerError for volumes of the same name, and for mounts of none: the API server would refuse the workload."""
    templates = [claim.get("metadata", {}) for claim in claims]
    found = [volume.get("name", "") for volume in (*pod["volumes"], *templates)]
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise OwnerError(f"two volumes or claim templates of the name {', '.join(twice)}")
    for one in (*pod["initContainers"], *pod["containers"]):
        mounts = one.get("volumeMounts")
        for mount in mounts if isinstance(mounts, list) else ():
            name = mount.get("name") if isinstance(mount, dict) else mount
            if name not in found:
                where = f"container {one['name']} mounts {name}"
                raise OwnerError(
                    f"{where}, which is neither a volume nor a claim template; there are {', '.join(found)}"
                )

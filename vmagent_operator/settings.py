"""Settings of the operator that reach what it builds, and what the API server offers.

`VARIABLES` is the one table of environment variables: `load` reads it into a frozen `Settings`, the command line lists
it. Flags of the process itself (ports, lease, request rate) are no settings; they live in `cli`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import Factory, frozen

from vmagent_operator.texts import amount, boolean, given, items, namespaces, openshift, pairs, wait, whole_number

_REFERENCE = re.compile(r"\$\{(\w+)\}")


class SettingsError(ValueError):
    """An environment variable that cannot be used; the text is `VARIABLE: what is wrong`."""


@frozen
class Server:
    """What the API server offers: its `(major, minor)` version, and whether it is an OpenShift one."""

    version: tuple[int, int] = (1, 36)
    openshift: bool = False


@frozen(kw_only=True)
class AppDefaults:
    """What applies to an application where its owner says nothing."""

    image: str
    version: str
    port: str
    use_default_resources: bool
    limits: Mapping[str, str] = Factory(dict)
    requests: Mapping[str, str] = Factory(dict)
    termination_grace_period_seconds: int


@frozen(kw_only=True)
class Settings:
    """The operator's settings, read once at start; `load` says where each comes from."""

    watch_namespaces: tuple[str, ...]
    container_registry: str
    config_reloader_image: str
    config_reloader_limits: Mapping[str, str] = Factory(dict)
    config_reloader_requests: Mapping[str, str] = Factory(dict)
    apps: Mapping[str, AppDefaults]
    enable_tcp6: bool
    loopback: str
    disable_self_service_scrape: bool
    enable_strict_security: bool
    enable_default_prestop_hook: bool
    openshift: str
    vpa_api_enabled: bool
    common_labels: Mapping[str, str]
    common_annotations: Mapping[str, str]
    config_data_budget_bytes: int
    enforce_endpointslices: bool
    app_ready_timeout_seconds: float
    force_resync_interval_seconds: float
    vmstorage_insert_port: str
    vmstorage_select_port: str
    cluster_domain_name: str
    use_old_backup_port_names: bool
    trim_secret_values: bool = True
    disabled_kinds: frozenset[str] = frozenset()
    converters: Mapping[str, bool] = Factory(dict)
    converter_owner_references: bool = False
    converter_label_prefixes: tuple[str, ...] = ()
    converter_annotation_prefixes: tuple[str, ...] = ()
    converter_ignored_by_argocd: bool = False


@frozen
class Variable:
    """One environment variable: its default as text, how it is read, and the setting it becomes.

    `to` is the setting, or the path `apps.APPLICATION.default`, or several with spaces between them; `key` is the entry of
    one that is a mapping; a value read as None leaves the setting alone. Without `to` the variable has no effect.
    """

    name: str
    default: str
    read: Callable[[str], Any]
    doc: str
    to: str = ""
    key: str = ""
    expands: bool = False

    def text(self, environ: Mapping[str, str]) -> str:
        """The text in effect: that of `environ`, or the default, with `${NAME}` replaced where that is allowed."""
        text = environ.get(self.name) or self.default
        if not self.expands:
            return text
        return _REFERENCE.sub(lambda found: environ.get(found[1]) or _DEFAULTS.get(found[1], ""), text)

    def value(self, environ: Mapping[str, str]) -> Any:
        """The value in effect; SettingsError if the text cannot be read."""
        try:
            return self.read(self.text(environ))
        except ValueError as error:
            raise SettingsError(f"{self.name}: {error}") from None


def _resources(prefix: str, to: str, memory: str, entries: Mapping[str, str]) -> tuple[Variable, ...]:
    """The six variables of a container's default limits and requests; `memory` is how the prefix spells it."""
    spelled = {memory: "memory", "CPU": "cpu", "EPHEMERAL_STORAGE": "ephemeral-storage"}
    return tuple(
        Variable(
            f"{prefix}_{bound.upper()}_{suffix}",
            entries.get(f"{bound} {key}", "unlimited"),
            amount,
            f"Default {key} {bound}; `unlimited` sets none.",
            f"{to}{bound}s",
            key,
        )
        for bound in ("limit", "request")
        for suffix, key in spelled.items()
    )


def _resources_switch(prefix: str, *names: str) -> Variable:
    """Whether default resources apply to the applications of these names."""
    to = " ".join(f"apps.{name}.use_default_resources" for name in names)
    return Variable(f"{prefix}_USEDEFAULTRESOURCES", "true", boolean, "Whether default resources apply.", to)


def _application(
    prefix: str, name: str, port: str, resources: str, *, image: str = "", suffix: str = ""
) -> tuple[Variable, ...]:
    """The variables of an application's defaults, but for the switch of its default resources.

    resources: memory and CPU that it may use, and that it asks for. image: if that is not called like it. suffix: of its
    image tag.
    """
    to, named = f"apps.{name}", ("limit memory", "limit cpu", "request memory", "request cpu")
    return (
        Variable(f"{prefix}_IMAGE", f"victoriametrics/{image or name}", str, f"Repository of {name}.", f"{to}.image"),
        Variable(
            f"{prefix}_VERSION",
            f"${{VM_METRICS_VERSION}}{suffix}",
            str,
            f"Image tag of {name}.",
            f"{to}.version",
            expands=True,
        ),
        Variable(f"{prefix}_PORT", port, str, f"HTTP port of {name}.", f"{to}.port"),
        *_resources(f"{prefix}_RESOURCE", f"{to}.", "MEM", dict(zip(named, resources.split(), strict=True))),
        Variable(
            f"{prefix}_TERMINATION_GRACE_PERIOD_SECONDS",
            "30",
            whole_number,
            "Grace period of a pod, in seconds.",
            f"{to}.termination_grace_period_seconds",
        ),
    )


def _converter(suffix: str, kind: str) -> Variable:
    """Whether objects of this kind of prometheus-operator are converted."""
    name = f"VM_ENABLEDPROMETHEUSCONVERTER_{suffix}"
    return Variable(name, "true", boolean, f"Convert each {kind}.", "converters", kind)


_CLUSTER = "VM_VMCLUSTERDEFAULT"

VARIABLES: tuple[Variable, ...] = (
    Variable("WATCH_NAMESPACE", "", namespaces, "Namespaces to watch; every one if empty.", "watch_namespaces"),
    Variable("VM_METRICS_VERSION", "v1.150.0", str, "Image tag unless an object sets one."),
    Variable("VM_OPERATOR_VERSION", "v0.74.1", str, "Release whose config-reloader is used."),
    Variable("VM_CONTAINERREGISTRY", "", str, "Registry put before every image.", "container_registry"),
    Variable(
        "VM_CONFIG_RELOADER_IMAGE",
        "victoriametrics/operator:config-reloader-${VM_OPERATOR_VERSION}",
        str,
        "Image that loads and reloads configuration.",
        "config_reloader_image",
        expands=True,
    ),
    Variable(
        "VM_CUSTOMCONFIGRELOADERIMAGE",
        "",
        given,
        "Deprecated: overrides VM_CONFIG_RELOADER_IMAGE.",
        "config_reloader_image",
        expands=True,
    ),
    *_resources("VM_CONFIG_RELOADER", "config_reloader_", "MEMORY", {"request memory": "25Mi", "request cpu": "10m"}),
    _resources_switch("VM_VMAGENTDEFAULT", "vmagent"),
    *_application("VM_VMAGENTDEFAULT", "vmagent", "8429", "500Mi 200m 200Mi 50m"),
    _resources_switch("VM_VMSINGLEDEFAULT", "vmsingle"),
    *_application("VM_VMSINGLEDEFAULT", "vmsingle", "8429", "1500Mi 1200m 500Mi 150m", image="victoria-metrics"),
    _resources_switch(_CLUSTER, "vmstorage", "vmselect", "vminsert"),
    *_application(f"{_CLUSTER}_VMSTORAGEDEFAULT", "vmstorage", "8482", "1500Mi 1000m 500Mi 250m", suffix="-cluster"),
    Variable(
        f"{_CLUSTER}_VMSTORAGEDEFAULT_VMINSERTPORT",
        "8400",
        str,
        "Port of vmstorage for vminsert.",
        "vmstorage_insert_port",
    ),
    Variable(
        f"{_CLUSTER}_VMSTORAGEDEFAULT_VMSELECTPORT",
        "8401",
        str,
        "Port of vmstorage for vmselect.",
        "vmstorage_select_port",
    ),
    *_application(f"{_CLUSTER}_VMSELECTDEFAULT", "vmselect", "8481", "1000Mi 500m 500Mi 100m", suffix="-cluster"),
    *_application(f"{_CLUSTER}_VMINSERTDEFAULT", "vminsert", "8480", "500Mi 500m 200Mi 150m", suffix="-cluster"),
    _resources_switch("VM_VMAUTHDEFAULT", "vmauth"),
    *_application("VM_VMAUTHDEFAULT", "vmauth", "8427", "300Mi 200m 100Mi 50m"),
    _resources_switch("VM_VMBACKUP", "vmbackupmanager"),
    *_application("VM_VMBACKUP", "vmbackupmanager", "8300", "500Mi 500m 200Mi 150m", suffix="-enterprise"),
    Variable(
        "VM_USE_OLD_BACKUP_RESTORE_PORT_NAMES",
        "false",
        boolean,
        "Call the ports of backup and restore http.",
        "use_old_backup_port_names",
    ),
    Variable("VM_ENABLETCP6", "false", boolean, "Listen on IPv6 as well.", "enable_tcp6"),
    Variable("VM_LOOPBACK", "", str, "Name of the local host inside a pod.", "loopback"),
    Variable(
        "VM_DISABLESELFSERVICESCRAPECREATION",
        "false",
        boolean,
        "Create no scrape object for the agent itself.",
        "disable_self_service_scrape",
    ),
    Variable("VM_ENABLESTRICTSECURITY", "false", boolean, "Strict security contexts.", "enable_strict_security"),
    Variable(
        "VM_ENABLE_DEFAULT_PRESTOP_HOOK",
        "true",
        boolean,
        "Sleep 15 s before a container stops, where the server knows how to.",
        "enable_default_prestop_hook",
    ),
    Variable(
        "VM_OPENSHIFT_COMPATIBILITY",
        "auto",
        openshift,
        "auto, enabled or disabled: leave user and group ids to OpenShift.",
        "openshift",
    ),
    Variable("VM_VPA_API_ENABLED", "false", boolean, "Allow spec.vpa.", "vpa_api_enabled"),
    Variable("VM_COMMON_LABELS", "", pairs, "Labels of every created object.", "common_labels"),
    Variable("VM_COMMON_ANNOTATIONS", "", pairs, "Annotations of every created object.", "common_annotations"),
    Variable(
        "VM_CONFIG_DATA_BUDGET_BYTES",
        "524288",
        whole_number,
        "Compressed scrape jobs that fit into one Secret, in bytes.",
        "config_data_budget_bytes",
    ),
    Variable(
        "VM_VMSERVICESCRAPEDEFAULT_ENFORCEENDPOINTSLICES",
        "false",
        boolean,
        "Discover services through endpointslices by default.",
        "enforce_endpointslices",
    ),
    Variable("VM_APPREADYTIMEOUT", "80s", wait, "How long a workload may take.", "app_ready_timeout_seconds"),
    Variable("VM_PODWAITREADYTIMEOUT", "80s", wait, "Accepted; nothing waits here."),
    Variable("VM_PVC_WAIT_READY_TIMEOUT", "80s", wait, "Accepted; nothing waits here."),
    Variable(
        "VM_FORCERESYNCINTERVAL",
        "60s",
        wait,
        "Time between two looks at an unchanged agent; 0 for never.",
        "force_resync_interval_seconds",
    ),
    Variable("VM_PODWAITREADYINTERVALCHECK", "5s", wait, "Accepted; nothing polls here."),
    Variable("VM_PVC_WAIT_READY_INTERVAL", "5s", wait, "Accepted; nothing polls here."),
    Variable("VM_WAIT_READY_INTERVAL", "5s", wait, "Accepted; nothing polls here."),
    Variable(
        "VM_CLUSTERDOMAINNAME",
        "",
        str,
        "Domain of the Kubernetes cluster, as addresses end in it.",
        "cluster_domain_name",
    ),
    _converter("SERVICESCRAPE", "ServiceMonitor"),
    _converter("PODMONITOR", "PodMonitor"),
    _converter("PROBE", "Probe"),
    _converter("SCRAPECONFIG", "ScrapeConfig"),
    Variable(
        "VM_ENABLEDPROMETHEUSCONVERTEROWNERREFERENCES",
        "false",
        boolean,
        "Have converted objects go with their sources.",
        "converter_owner_references",
    ),
    *(
        Variable(
            f"VM_FILTERPROMETHEUSCONVERTER{what.upper()}PREFIXES",
            "",
            items,
            f"Beginnings of {what}s that are not copied.",
            f"converter_{what}_prefixes",
        )
        for what in ("label", "annotation")
    ),
    Variable(
        "VM_PROMETHEUSCONVERTERADDARGOCDIGNOREANNOTATIONS",
        "false",
        boolean,
        "Have Argo CD leave converted objects alone.",
        "converter_ignored_by_argocd",
    ),
)
"""Every environment variable that is read, in the order in which it is listed."""

_DEFAULTS = {variable.name: variable.default for variable in VARIABLES}

# Variables of components that the reference operator has and this one has not.
_ELSEWHERE = re.compile(
    r"VM_(VMALERTDEFAULT|VMALERTMANAGER|VMANOMALYDEFAULT"
    r"|VL\w+DEFAULT|VLOGSDEFAULT|VT\w+DEFAULT|\w*PROMETHEUSCONVERTER|FILTER|PROMCR_|PSPAUTOCREATE"
    r"|GATEWAY_API_|LOGS_VERSION|TRACES_VERSION|ANOMALY_VERSION)\w*"
)


def load(environ: Mapping[str, str]) -> Settings:
    """The settings that `environ` asks for; SettingsError names the first variable that cannot be read."""
    values: dict[str, Any] = {}
    for variable in VARIABLES:
        value = variable.value(environ)
        if not variable.to or value is None:
            continue
        for to in variable.to.split():
            *path, last = (*to.split("."), *filter(None, (variable.key,)))
            at = values
            for name in path:
                at = at.setdefault(name, {})
            at[last] = value
    apps = {name: AppDefaults(**defaults) for name, defaults in values.pop("apps").items()}
    return Settings(apps=apps, **values)


def unknown(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Names of variables in `environ` that look like ours and mean nothing, sorted: most likely typing errors."""
    return tuple(
        sorted(n for n in environ if n.startswith("VM_") and n not in _DEFAULTS and not _ELSEWHERE.fullmatch(n))
    )

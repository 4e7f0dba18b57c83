"""The flags of the operator process: one table, and a parser that takes what Go's takes.

One or two leading dashes, `-name=value` or `-name value`; a boolean may stand alone and never takes the next word. Flags
of the Go operator that have no effect here are accepted, so that its manifests start this one.
"""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from vmagent_operator import texts
from vmagent_operator.api import kinds
from vmagent_operator.convert.sources import SOURCES
from vmagent_operator.identity import LEASE
from vmagent_operator.model.suggest import meant


class FlagError(ValueError):
    """A flag that cannot be used; the text is one line that names it."""


@frozen
class Flag:
    """One flag: its default as text, how a value is read, and what it does.

    `has_effect` is False if it does nothing, and `missed` says what whoever switches such a one on has to do without.
    """

    name: str
    default: str
    read: Callable[[str], Any]
    doc: str
    has_effect: bool = True
    missed: str = ""

    @property
    def is_boolean(self) -> bool:
        """Whether it may stand without a value."""
        return self.read is texts.boolean


@frozen
class Flags:
    """Values by flag name, and which flags were given."""

    values: Mapping[str, Any]
    given: frozenset[str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def missed(self) -> Mapping[str, str]:
        """Each flag that was given and has no effect, with what is missed by that; "" if nothing is."""
        found = [BY_NAME[name] for name in sorted(self.given) if not BY_NAME[name].has_effect]
        return {flag.name: flag.missed if self[flag.name] else "" for flag in found}


def _wait(text: str) -> float:
    if (seconds := texts.duration(text)) < 0:
        raise ValueError("expected a duration that is not negative")
    return seconds


def _timeout(text: str) -> float:
    if (seconds := texts.duration(text)) <= 0:
        raise ValueError("expected a duration above 0")
    return seconds


def _rate(text: str) -> float:
    rate = float(text)
    if not SLOWEST_RATE <= rate < math.inf:
        raise ValueError(f"expected a number from {SLOWEST_RATE:g} on")
    return rate


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ValueError("expected a whole number above 0")
    return int(text)


def _choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}{meant(text, choices)}")
        return text

    return read


def _level(text: str) -> str:
    if text not in LEVELS and not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(f"expected one of {', '.join(LEVELS)}, or a verbosity")
    return text


def _kinds(text: str) -> frozenset[str]:
    """Kinds by name; those of the Go operator that are not built here are accepted."""
    spelled = {
        name.lower(): name
        for name in (*(kind.name for kind in (*kinds.KINDS, *(row.kind for row in SOURCES))), *OTHER_KINDS)
    }
    found = texts.items(text)
    for name in found:
        if name.lower() not in spelled:
            raise ValueError(f"{name!r} is no kind{meant(name, spelled.values())}")
    disabled = frozenset(spelled[name.lower()] for name in found)
    if disabled >= {kind.name for kind in kinds.OWNER_KINDS}:
        raise ValueError("nothing is left to reconcile")
    return disabled


def _renamed(text: str) -> dict[str, str]:
    pairs = [item.partition(":" if ":" in item else "=")[::2] for item in texts.items(text)]
    for old, new in pairs:
        if old not in LOG_FIELDS or not new:
            raise ValueError(f"expected a list such as ts:timestamp,msg:message over {', '.join(LOG_FIELDS)}")
    return dict(pairs)


SLOWEST_RATE = 0.1
"""Requests a second below which nothing would ever be done."""
LEVELS = ("debug", "info", "warn", "error", "panic")
LOG_FIELDS = ("ts", "level", "caller", "msg")
OTHER_KINDS = (
    *("VLAgent", "VLCluster", "VLSingle", "VLogs", "VMAlert", "VMAlertmanager", "VMAlertmanagerConfig", "VMAnomaly"),
    *("VMAnomalyModel", "VMAnomalyScheduler", "VMAuth", "VMCluster", "VMDistributed", "VMRule", "VMSingle", "VMUser"),
    *("VTCluster", "VTSingle", "PrometheusRule", "AlertmanagerConfig"),
)
CERTIFICATES = "/tmp/k8s-metrics-server/serving-certs"
WEBHOOK_CERTIFICATES = "/tmp/k8s-webhook-server/serving-certs/"

_NO_EFFECT = "Accepted for compatibility, without effect."

FLAGS: tuple[Flag, ...] = (
    Flag("kubeconfig", "", str, "Kubeconfig file; else KUBECONFIG, the pod's service account, or ~/.kube/config."),
    Flag("context", "", str, "Context of the kubeconfig."),
    Flag("client.qps", "50", _rate, "Requests to the API server per second, on average."),
    Flag("client.burst", "100", _positive, "Requests to the API server at once."),
    Flag(
        "client.connectTimeout",
        "5s",
        _wait,
        "Longest wait for a connection; accepted, 5s is always used.",
        has_effect=False,
    ),
    Flag("client.requestTimeout", "30s", _timeout, "Longest duration of a request."),
    Flag("client.listTimeout", "1m0s", _timeout, "Longest duration of a page of a list."),
    Flag("watch.minTimeout", "5m0s", _timeout, "Shortest duration of a watch; up to twice that is asked for."),
    Flag("watch.idleTimeout", "2m30s", _timeout, "Silence after which a watch is taken for dead."),
    Flag("list.pageSize", "500", _positive, "Objects in a page of a list."),
    Flag("controller.maxConcurrentReconciles", "4", _positive, "VMAgents that are worked on at the same time."),
    Flag("controller.cacheSyncTimeout", "3m0s", _wait, "Longest wait for the first complete lists."),
    Flag(
        "controller.coalesceWindow",
        "500ms",
        _wait,
        "Time in which changes of scrape objects and Secrets are one cause.",
    ),
    Flag("controller.backoffBase", "2s", _wait, "First wait after a failure."),
    Flag("controller.backoffMax", "2m0s", _wait, "Longest wait after a failure."),
    Flag("controller.disableReconcileFor", "", _kinds, "Kinds that are not looked at, separated by commas."),
    Flag("controller.statusLastUpdateTimeTTL", "1h0m0s", _wait, "Age at which unchanged conditions are refreshed."),
    Flag("controller.watchReferences", "true", texts.boolean, "Watch (the metadata of) all Secrets and ConfigMaps."),
    Flag("controller.warmStandby", "true", texts.boolean, "Keep caches up to date without being leader."),
    Flag("controller.disableCacheFor", "configmap,secret", str, _NO_EFFECT, has_effect=False),
    Flag("controller.disableCRDOwnership", "false", texts.boolean, _NO_EFFECT, has_effect=False),
    Flag("controller.prometheusCRD.resyncPeriod", "0s", texts.duration, _NO_EFFECT, has_effect=False),
    Flag("default.kubernetesVersion.major", "1", _positive, "Taken if the API server's version cannot be read."),
    Flag("default.kubernetesVersion.minor", "21", _positive, "Taken if the API server's version cannot be read."),
    Flag("disableSecretKeySpaceTrim", "false", texts.boolean, "Keep white space at the end of Secret values."),
    Flag("dry-run", "false", texts.boolean, "Log what one pass over every VMAgent would write, then exit."),
    Flag("once", "false", texts.boolean, "Convert, work until every owner is done or has failed, then exit."),
    Flag("events.enabled", "true", texts.boolean, "Write Events."),
    Flag("health-probe-bind-address", ":8081", str, "Address of /health and /ready; empty or 0 for none."),
    Flag("metrics-bind-address", ":8080", str, "Address of /metrics; empty or 0 for none."),
    Flag("pprof-addr", "", str, "Address of /debug; without a host it is loopback only."),
    Flag("metrics.bearerTokenFile", "", str, "File with the token that /metrics asks for."),
    Flag("tls.enable", "false", texts.boolean, "Serve metrics over TLS."),
    Flag("tls.certDir", CERTIFICATES, str, "Folder of the certificate for metrics."),
    Flag("tls.certName", "tls.crt", str, "File of the certificate."),
    Flag("tls.keyName", "tls.key", str, "File of the key."),
    Flag("mtls.enable", "false", texts.boolean, "Ask metrics clients for a certificate."),
    Flag("mtls.CAName", "clientCA.crt", str, "File of the authority for client certificates; the system's if empty."),
    Flag("leader-elect", "false", texts.boolean, "Write only while holding a Lease."),
    Flag("leader-elect-id", LEASE, str, "Name of the Lease."),
    Flag("leader-elect-namespace", "", str, "Namespace of the Lease; the pod's own if empty."),
    Flag("leader-elect-lease-duration", "15s", _wait, "Time after which another may take the Lease."),
    Flag("leader-elect-renew-deadline", "10s", _wait, "Time without a renewal after which leadership ends."),
    Flag("leader-elect-retry-period", "2s", _wait, "Time between renewals."),
    Flag("leader-elect-release-on-cancel", "true", texts.boolean, "Give the Lease up on an orderly stop."),
    Flag("graceful-shutdown-timeout", "20s", _wait, "Longest duration of an orderly stop."),
    Flag("zap-log-level", "info", _level, "Least level to log."),
    Flag("zap-encoder", "json", _choice("json", "console"), "Form of log records; console where stderr is a terminal."),
    Flag("zap-devel", "false", texts.boolean, "Console, and debug level."),
    Flag("zap-stacktrace-level", "panic", _choice("info", "error", "panic"), _NO_EFFECT, has_effect=False),
    Flag(
        "zap-time-encoding",
        "rfc3339",
        _choice("epoch", "millis", "nano", "iso8601", "rfc3339", "rfc3339nano"),
        "Form of times in logs.",
    ),
    Flag("loggerJSONFields", "", _renamed, "Other names for log fields, such as ts:timestamp,msg:message."),
    Flag("printDefaults", "false", texts.boolean, "Print the environment variables and exit."),
    Flag("printFormat", "table", _choice("table", "json", "yaml", "list"), "Form of --printDefaults."),
    Flag("version", "false", texts.boolean, "Print the version and exit."),
    Flag(
        "webhook.enable",
        "false",
        texts.boolean,
        _NO_EFFECT,
        has_effect=False,
        missed="there is no admission webhook: objects are checked in reconciles, and by the policies of manifests/policy",
    ),
    Flag("webhook.port", "9443", _positive, _NO_EFFECT, has_effect=False),
    Flag("webhook.certDir", WEBHOOK_CERTIFICATES, str, _NO_EFFECT, has_effect=False),
    Flag("webhook.certName", "tls.crt", str, _NO_EFFECT, has_effect=False),
    Flag("webhook.keyName", "tls.key", str, _NO_EFFECT, has_effect=False),
)
BY_NAME: Mapping[str, Flag] = {flag.name: flag for flag in FLAGS}


def parse(arguments: Sequence[str]) -> Flags:
    """The values of all flags with `arguments` given. Raises FlagError."""
    values = {flag.name: flag.read(flag.default) for flag in FLAGS}
    given = set[str]()
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or not (spelled := word.removeprefix("-").removeprefix("-")):
            raise FlagError(f"unexpected argument {word!r}")
        name, has_value, text = spelled.partition("=")
        flag = BY_NAME.get(name)
        if flag is None:
            raise FlagError(f"unknown flag -{name}{meant(name, BY_NAME)}")
        if not has_value:
            if not flag.is_boolean and not rest:
                raise FlagError(f"flag -{name} needs a value")
            text = "true" if flag.is_boolean else rest.pop(0)
        try:
            values[name] = flag.read(text)
        except ValueError as error:
            raise FlagError(f"flag -{name}: {error}") from None
        given.add(name)
    return Flags(values, frozenset(given))


def usage() -> str:
    """What `--help` prints."""
    lines = [
        "Usage: vmagent-operator [flags]",
        "       vmagent-operator COMMAND ...   (vmagent-operator help lists them)",
        "",
        "Turns VMAgent objects into running vmagents. Settings of what is built come from VM_* environment variables,",
        "see --printDefaults.",
        "",
        "Flags:",
    ]
    for flag in FLAGS:
        if flag.has_effect:
            default = f" (default {flag.default})" if flag.default not in ("", "false") else ""
            lines += [
                f"  --{flag.name}",
                *textwrap.wrap(flag.doc + default, 100, initial_indent=" " * 8, subsequent_indent=" " * 8),
            ]
    ignored = ", ".join(f"--{flag.name}" for flag in FLAGS if not flag.has_effect)
    lines += ["", *textwrap.wrap(f"Accepted without effect: {ignored}", 100)]
    return "\n".join(lines)

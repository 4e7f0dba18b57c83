"""The parts of the operator process, put together from flags and settings."""

import logging
import platform
import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from attrs import Factory, define, evolve, field
from prometheus_client import GCCollector, PlatformCollector, ProcessCollector

import vmagent_operator
from vmagent_operator import settings
from vmagent_operator.cli import logs, run
from vmagent_operator.cli.dry import Dry
from vmagent_operator.cli.flags import Flags
from vmagent_operator.cli.once import Once
from vmagent_operator.cli.reports.changes import Changes
from vmagent_operator.controller.engine.metrics import Gauge, Metrics, Reading
from vmagent_operator.controller.engine.metrictable import OURS, OWNERS
from vmagent_operator.controller.engine.owners import FIELD_MANAGER
from vmagent_operator.controller.gauges import gauges
from vmagent_operator.controller.manager import Manager, StartError, Timing
from vmagent_operator.controller.system import Options, make_system
from vmagent_operator.identity import OPERATOR
from vmagent_operator.kube import leader
from vmagent_operator.kube.clock import SystemClock
from vmagent_operator.kube.errors import Cancelled
from vmagent_operator.kube.http import connection, credentials
from vmagent_operator.kube.http.client import Client, Patience
from vmagent_operator.kube.http.credentials import CredentialsError
from vmagent_operator.kube.http.ratelimit import Bucket, Spare
from vmagent_operator.kube.leader import Elector
from vmagent_operator.serve.http import Certificate, CertificateFiles, Server, ServingError, Token
from vmagent_operator.serve.pages import Debug, Exposition, Probe
from vmagent_operator.serve.status import StatusPage
from vmagent_operator.settings import Settings

logger = logging.getLogger(__name__)

OFF = ("", "0")


@define(eq=False)
class Process:
    """One operator process. `stop` is set when it is to end, `closing` once nothing may be sent any more."""

    flags: Flags
    settings: Settings
    environ: Mapping[str, str]
    stop: threading.Event
    metrics: Metrics = field(
        default=Factory(lambda self: Metrics(lease=self.flags["leader-elect-id"]), takes_self=True)
    )
    closing: threading.Event = field(factory=threading.Event)
    changes: Changes = field(factory=Changes)
    """What a dry run would write."""

    def run(self) -> int:
        """Work until told to stop; the exit code."""
        flags = self.flags
        count = partial(self.metrics.count, "operator_log_messages_total")
        repeated, dropped = (
            partial(self.metrics.count, f"{OURS}log_{name}_total") for name in ("suppressed", "dropped")
        )
        logs.configure(flags, count, repeated, dropped)
        logger.info("vmagent-operator %s: starting python=%s", vmagent_operator.__version__, platform.python_version())
        for name in settings.unknown(self.environ):
            logger.warning("environment %s: no such setting", name)
        for name, missed in flags.missed().items():
            level = logging.WARNING if missed else logging.INFO
            logger.log(level, "flag -%s: %s", name, missed or "accepted, without effect")
        try:
            probes, metrics, debug = self._bind()
            manager = self._manager()
        except (ServingError, CredentialsError) as error:
            logger.error("start: %s", error)
            return 1
        self._describe(manager)
        self._serve(manager, probes, metrics, debug)
        try:
            if run.is_dry(flags, self.environ) or flags["once"]:
                return self._once(manager)
            return manager.run()
        except StartError as error:
            logger.error("start: %s", error)
            return 1

    def _bind(self) -> tuple[Server | None, Server | None, Server | None]:
        """Listen before anything else, so that a probe learns that we are not ready rather than not there."""
        flags, certificate = self.flags, None
        if flags["tls.enable"]:
            folder = Path(flags["tls.certDir"])
            files = CertificateFiles(
                folder / flags["tls.certName"],
                folder / flags["tls.keyName"],
                _authority(folder, flags["mtls.CAName"]) if flags["mtls.enable"] else None,
                asks_clients=flags["mtls.enable"],
            )
            certificate = Certificate.read(files)
        health = flags["health-probe-bind-address"]
        metrics = flags["metrics-bind-address"]
        debug = flags["pprof-addr"]
        return (
            None if health in OFF else Server(health, {}),
            None if metrics in OFF else Server(metrics, {}, certificate),
            None if debug in OFF else Server(debug, {}, host="127.0.0.1"),
        )

    def _manager(self) -> Manager:
        flags, clock = self.flags, SystemClock()
        access = credentials.load(
            flags["kubeconfig"], flags["context"], environ=self.environ, clock=clock, meter=self.metrics
        )
        self.metrics.host = access.configuration.host
        namespaces = len(self.settings.watch_namespaces) or 1
        workers = flags["controller.maxConcurrentReconciles"]
        pools = connection.connect(
            access, agent=f"{OPERATOR}/{vmagent_operator.__version__}", watches=29 * namespaces, workers=workers
        )
        budget = Bucket(flags["client.qps"], flags["client.burst"], clock)
        elector = self._elector(Client(pools.lease, manager=FIELD_MANAGER, clock=clock, meter=self.metrics))
        is_dry = run.is_dry(flags, self.environ)
        longest, lease_seconds = flags["client.requestTimeout"], flags["leader-elect-lease-duration"]
        client = Client(
            Dry(pools.worker, self.changes) if is_dry else pools.worker,
            manager=FIELD_MANAGER,
            before_write=elector.before_write if elector else _open,
            before_request=self._check,
            limiter=budget,
            clock=clock,
            meter=self.metrics,
            stop=self.closing,
            patience=Patience(
                seconds=longest,
                write_seconds=min(longest, lease_seconds - run.LEASE_MARGIN_SECONDS) if elector else longest,
                list_seconds=flags["client.listTimeout"],
                idle_seconds=flags["watch.idleTimeout"],
            ),
        )
        watching = evolve(client, transport=pools.watch, before_request=_open, stop=self.stop)
        low_priority = evolve(client, limiter=Spare(budget, flags["client.burst"] / 2))
        # What the end of the process has to tell goes out after all other requests are forbidden.
        events = evolve(low_priority, before_request=_open, stop=threading.Event())
        system = make_system(
            client, low_priority, self.settings, metrics=self.metrics, events=events, options=self._options()
        )
        timing = Timing(
            workers=workers,
            sync_seconds=flags["controller.cacheSyncTimeout"],
            stop_seconds=flags["graceful-shutdown-timeout"],
            is_warm=flags["controller.warmStandby"],
            releases_lease=flags["leader-elect-release-on-cancel"],
            default_version=(flags["default.kubernetesVersion.major"], flags["default.kubernetesVersion.minor"]),
        )
        has_events = flags["events.enabled"] and not is_dry
        return Manager(system, watching, elector, timing, self.stop, self.closing, has_events)

    def _elector(self, client: Client) -> Elector | None:
        flags = self.flags
        if not flags["leader-elect"] or flags["once"] or run.is_dry(flags, self.environ):
            self.metrics.set("leader_election_master_status", 1, flags["leader-elect-id"])
            return None
        candidate = leader.Candidate(
            namespace=run.lease_namespace(flags, self.environ),
            name=flags["leader-elect-id"],
            identity=run.identity(self.environ),
        )
        timing = leader.Timing(
            lease_seconds=flags["leader-elect-lease-duration"],
            renew_seconds=flags["leader-elect-renew-deadline"],
            retry_seconds=flags["leader-elect-retry-period"],
        )
        return Elector.of(client, candidate, timing)

    def _options(self) -> Options:
        flags = self.flags
        return Options(
            coalesce_seconds=flags["controller.coalesceWindow"],
            backoff_seconds=flags["controller.backoffBase"],
            backoff_max_seconds=flags["controller.backoffMax"],
            condition_ttl_seconds=flags["controller.statusLastUpdateTimeTTL"],
            watch_references=flags["controller.watchReferences"],
            page_size=flags["list.pageSize"],
            watch_seconds=flags["watch.minTimeout"],
            instance=self.environ.get("POD_NAME", ""),
            workers=flags["controller.maxConcurrentReconciles"],
        )

    def _check(self) -> None:
        if self.closing.is_set():
            raise Cancelled("not sent: the process is stopping")

    def _serve(self, manager: Manager, *servers: Server | None) -> None:
        probes, metrics, debug = servers
        alive = Probe({"threads": manager.dead_threads, "lease": manager.stuck_lease, "passes": manager.stuck_passes})
        ready = Probe({"sources": manager.unready})
        if probes:
            probes.pages = {
                **dict.fromkeys(("/health", "/healthz", "/livez"), alive),
                **dict.fromkeys(("/ready", "/readyz"), ready),
            }
            probes.start("probes")
        if metrics:
            token_file = self.flags["metrics.bearerTokenFile"]
            token = Token(Path(token_file)) if token_file else None
            status = StatusPage(manager.system, manager.standing_by, token)
            metrics.pages = {"/metrics": Exposition(self.metrics.registry, token), **status.pages()}
            metrics.start("metrics")
        if debug:
            effective = {"flags": dict(self.flags.values), "environment": self._environment()}
            debug.pages = Debug(manager.system, effective).pages()
            debug.start("debug")

    def _describe(self, manager: Manager) -> None:
        """Expose what is computed when asked for, and what never changes."""
        started = time.time()
        flags, version = self.flags, vmagent_operator.__version__
        given = {(name, str(value), str(name in flags.given).lower()): 1.0 for name, value in flags.values.items()}
        parameters = {
            (name, value, str(name in self.environ).lower()): 1.0 for name, value in self._environment().items()
        }

        def read() -> Iterator[Gauge]:
            server = ".".join(map(str, manager.system.server.version))
            labels = ("version", "short_version", "k8s_version")
            yield "vm_app_version", "Always 1.", labels, {(f"vmagent-operator-{version}", version, server): 1.0}
            yield "vm_app_start_timestamp", "Start of the process.", (), {(): started}
            yield "vm_app_uptime_seconds", "Age of the process.", (), {(): time.time() - started}
            yield "flag", "Always 1.", ("name", "value", "is_set"), given
            yield "operator_config_parameter", "Always 1.", ("name", "value", "is_set"), parameters
            yield "operator_rest_client_qps_limit", "Value of -client.qps.", (), {(): flags["client.qps"]}
            yield from gauges(manager.system)

        self.metrics.add(Reading(read))
        for owner in OWNERS:
            self.metrics.set("controller_runtime_max_concurrent_reconciles", manager.timing.workers, owner)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.metrics.registry)

    def _environment(self) -> dict[str, str]:
        return {variable.name: variable.text(self.environ) for variable in settings.VARIABLES}

    def _once(self, manager: Manager) -> int:
        """Do once what there is to do, or only tell it; the exit code."""
        is_dry = run.is_dry(self.flags, self.environ)
        is_done = Once(manager, self.stop, self.changes if is_dry else None).run()
        if is_dry:
            print("\n".join(self.changes.lines()), flush=True)
        elif self.flags["events.enabled"]:
            manager.system.recorder.flush()
        return 0 if is_done or is_dry else 1


def _authority(folder: Path, name: str) -> Path | None:
    """The file of the client authority; the Go operator's default name was misspelled, and still may be there."""
    if not name:
        return None
    path, misspelled = folder / name, folder / "clietCA.crt"
    return misspelled if not path.exists() and misspelled.exists() else path


def _open() -> None:
    """The gate and the check of a client that has none."""

"""The threads around a System, and the order in which they start and stop.

One for each informer, one for the lease, one for events, a few workers; all are daemons, so that no blocked socket can
keep the process alive. The main thread calls `run`, which sleeps until something ends.
"""

import gc
import logging
import threading
from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen

from vmagent_operator.controller.engine.controller import Controller
from vmagent_operator.controller.system import System
from vmagent_operator.kube.cache.backoff import Backoff
from vmagent_operator.kube.cache.loop import Loop
from vmagent_operator.kube.errors import ApiError, BadResponse
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.leader import Elector
from vmagent_operator.settings import Server

logger = logging.getLogger(__name__)

OPENSHIFT = "security.openshift.io/v1"
POLL_SECONDS = 0.1
"""How soon the main thread sees that something has ended."""
LONGEST_PASS_SECONDS = 600.0
"""Ten times what a reconcile gives itself: one that takes longer hangs, and liveness says so."""
EVENT_SECONDS = 1.0
"""What the last Events get of the time in which a process stops; nobody waits for them."""
FRESH_SECONDS = 2.0
"""A first leader is elected so soon after its first lists; who has waited longer reads anew before it writes."""
MANY_NAMESPACES = 30
STATUS_WORKERS = 1
"""One worker a scrape kind or Prometheus kind: its writes wait for the request budget, not for each other."""


@frozen(kw_only=True)
class Timing:
    """How many workers, and how long starting and stopping may take, in seconds."""

    workers: int = 4
    sync_seconds: float = 180.0
    stop_seconds: float = 20.0
    is_warm: bool = True
    releases_lease: bool = True
    default_version: tuple[int, int] = (1, 21)


class StartError(Exception):
    """The process cannot begin to work; the text says what it was waiting for."""


@define(eq=False)
class Threads:
    """What has been started; `ended` tells the loops to end, later than the workers, which need them until they return."""

    loops: list[Loop] = field(factory=list)
    workers: list[threading.Thread] = field(factory=list)
    ended: threading.Event = field(factory=threading.Event)

    def dead(self, *, with_workers: bool) -> list[str]:
        """The names of those that have died of bugs."""
        workers = self.workers if with_workers else ()
        return [loop.name for loop in self.loops if not loop.is_healthy] + [
            worker.name for worker in workers if not worker.is_alive()
        ]


@define(eq=False)
class Manager:
    """Starts and stops everything. `stop` is set by whoever wants the process to end; `closing` forbids new requests."""

    system: System
    watching: Client
    elector: Elector | None
    timing: Timing
    stop: threading.Event
    closing: threading.Event
    has_events: bool = True
    has_discovered: bool = field(init=False, default=False)
    synced_at: float = field(init=False, default=float("-inf"))
    threads: Threads = field(init=False, factory=Threads)

    def run(self) -> int:
        """Work until told to stop; the exit code of the process. Raises StartError, and leaves the lease to others then."""
        try:
            self._run()
        except StartError:
            self.closing.set()
            self._release()
            raise
        return self._shut_down()

    def _run(self) -> None:
        """A warm standby stands for election once it could work: one that cannot must not keep the lease from who can."""
        self.discover()
        if self.stop.is_set():  # while the server did not answer: no use in asking it for lists
            return
        namespaces = self.system.settings.watch_namespaces
        if len(namespaces) > MANY_NAMESPACES:
            logger.warning("%d namespaces are watched one by one; watching all would be cheaper", len(namespaces))
        if not self.timing.is_warm and not self._elected():
            return
        if not self._is_loaded():
            return
        if self._elected() and self._is_fresh():
            self._start_workers()
            self._wait()

    def _is_loaded(self) -> bool:
        """Fill the stores, as `is_synced`. What is loaded mostly stays: to look at all of it again and again for garbage takes a
        quarter of the time, and later is a pause of half a second.
        """
        gc.disable()
        try:
            self.start_informers()
            return self.is_synced()
        finally:
            gc.freeze()
            gc.enable()

    def discover(self) -> None:
        """Ask the API server what it offers, again and again if it does not answer. Raises StartError."""
        clock = self.system.client.clock
        backoff, deadline = Backoff(clock), clock.monotonic() + self.timing.sync_seconds
        while not self.stop.is_set():
            try:
                self._discover()
                return
            except ApiError as error:
                seconds = backoff.next_seconds()
                if clock.monotonic() + seconds > deadline:
                    raise StartError(f"the API server does not answer: {error}") from error
                logger.warning("api server: no answer, trying again in %.1f s: %s", seconds, error)
                clock.wait(self.stop, seconds)

    def _discover(self) -> None:
        """Ask once, in a thread of its own: this one must see that it is to stop while a server hangs. Raises ApiError."""
        answers = list[Server | ApiError]()

        def ask() -> None:
            try:
                answers.append(self._server())
            except ApiError as error:
                answers.append(error)

        asking = threading.Thread(target=ask, name="discovery", daemon=True)
        asking.start()
        while asking.is_alive() and not self._is_over():
            asking.join(POLL_SECONDS)
        for answer in answers:
            if isinstance(answer, ApiError):
                raise answer
            self.system.discovered(answer)
            self.has_discovered = True

    def _server(self) -> Server:
        client = self.system.client
        try:
            version = client.server_version()
        except BadResponse as error:
            version = self.timing.default_version
            logger.warning("api server: %s, taking %d.%d", error, *version)
        return Server(version, OPENSHIFT in client.groups())

    def start_informers(self) -> None:
        """Begin to fill the stores."""
        for informer in self.system.watch(self.watching):
            self._loop(informer.name, informer.step)

    def is_synced(self) -> bool:
        """Wait for the first complete lists; False if the process is to stop. Raises StartError.

        A custom kind that is not served counts as listed: its definition may come later than the operator.
        """
        clock = self.system.client.clock
        deadline = clock.monotonic() + self.timing.sync_seconds
        while not self._is_over():
            missing = self.system.informers.unsynced()
            if not missing:
                self.synced_at = clock.monotonic()
                return True
            if clock.monotonic() > deadline:
                causes = (f"{informer.name} ({informer.state.error or 'no answer'})" for informer in missing)
                raise StartError(f"not synced in time: {', '.join(causes)}")
            clock.wait(self.stop, POLL_SECONDS)
        return False

    def _elected(self) -> bool:
        """Wait to become leader; False if the process is to stop."""
        if self.elector is None or self.elector.elected.is_set():
            return True
        self._loop("lease", self.elector.step)
        while not self.elector.elected.is_set():
            if self._is_over():
                return False
            self.system.client.clock.wait(self.stop, POLL_SECONDS)
        try:
            self._discover()
        except ApiError as error:
            logger.warning("api server: features are not read again: %s", error)
        return True

    def _is_fresh(self) -> bool:
        """Have read what the leader before us has acted on; False if the process is to stop.

        A watch may have been silent for minutes without anybody noticing: what it kept to itself would be reverted.
        """
        clock, informers = self.system.client.clock, self.system.informers.required()
        if self.elector is None or clock.monotonic() - self.synced_at < FRESH_SECONDS:
            return True
        for informer in informers:
            informer.refresh()
        while not all(informer.is_fresh for informer in informers):
            if self._is_over():
                return False
            clock.wait(self.stop, POLL_SECONDS)
        return True

    def _start_workers(self) -> None:
        if self.has_events:
            self._loop("events", self.system.recorder.step)
        for controller in self.system.controllers:
            workers = self.timing.workers if controller.name in self.system.owners else STATUS_WORKERS
            for number in range(workers):
                worker = threading.Thread(
                    target=self._work, args=(controller,), name=f"{controller.name}-{number}", daemon=True
                )
                self.threads.workers.append(worker)
                worker.start()
        logger.info("working: workers=%d", self.timing.workers)

    def _work(self, controller: Controller[Any]) -> None:
        while (key := controller.queue.get()) is not None:
            try:
                controller.process(key)
            except Exception:  # the key has been given back: the worker takes the next one
                logger.exception("%s %s/%s: unexpected failure after a reconcile", controller.name, *key)
                controller.queue.add_rate_limited(key)

    def _wait(self) -> None:
        while not self._is_over():
            self.system.client.clock.wait(self.stop, POLL_SECONDS)

    def _is_over(self) -> bool:
        return self.stop.is_set() or (self.elector is not None and self.elector.lost.is_set())

    def _shut_down(self) -> int:
        """Stop in the order that leaves nothing half done; the exit code."""
        system, clock = self.system, self.system.client.clock
        for controller in system.controllers:
            controller.queue.stop()
        self.closing.set()
        if self.elector is not None and self.elector.lost.is_set():
            return 1  # somebody else may be at work: say nothing more
        deadline = clock.monotonic() + self.timing.stop_seconds
        drained = [each.queue.drain(max(0.0, deadline - clock.monotonic())) for each in system.controllers]
        is_drained = all(drained)
        if self.has_events and self.threads.workers:
            flush = threading.Thread(target=system.recorder.flush, daemon=True)
            flush.start()
            flush.join(min(EVENT_SECONDS, max(0.0, deadline - clock.monotonic())))
        self.threads.ended.set()
        if is_drained:
            self._release()
        for informer in self.system.informers:
            informer.close()
        if not is_drained:
            logger.error("stop: workers did not return within %.0f s", self.timing.stop_seconds)
        return 0 if is_drained else 1

    def _release(self) -> None:
        if self.elector is not None and self.timing.releases_lease:
            self.elector.release()

    def _loop(self, name: str, step: Callable[[], float]) -> None:
        loop = Loop(name, step, self.system.client.clock, self.threads.ended, self.system.metrics)
        self.threads.loops.append(loop)
        loop.start()

    # What probes and metrics ask.

    def dead_threads(self) -> str:
        """Which threads have died of bugs."""
        dead = self.threads.dead(with_workers=not self.stop.is_set())
        return f"dead: {', '.join(dead)}" if dead else ""

    def standing_by(self) -> str:
        """What this replica waits for while another does the work; "" for the one that does it."""
        if self.elector is None or self.elector.elected.is_set():
            return ""
        return "This replica stands by: another holds the lease and does the work."

    def stuck_lease(self) -> str:
        """Whether the lease is no longer looked after."""
        if self.elector is None or not self.elector.elected.is_set():
            return ""
        idle = self.system.client.clock.monotonic() - self.elector.stepped_at
        return f"no step for {idle:.0f} s" if idle > self.elector.timing.lease_seconds + 20 else ""

    def stuck_passes(self) -> str:
        """Which passes take too long to be at work."""
        stuck = [
            f"{controller.name} {'/'.join(key)}"
            for controller in self.system.controllers
            for key, seconds in controller.queue.snapshot().processing.items()
            if seconds > LONGEST_PASS_SECONDS
        ]
        return f"stuck: {', '.join(stuck)}" if stuck else ""

    def unready(self) -> str:
        """What keeps the process from being ready: a first list that is missing, or the end."""
        if self.stop.is_set():
            return "stopping"
        if not self.system.informers.by_kind:
            # A cold standby has nothing to wait for but its election; were it not ready, no update could roll on.
            return "" if self.has_discovered and not self.timing.is_warm else "starting"
        missing = [informer.name for informer in self.system.informers.unsynced()]
        return f"not synced: {', '.join(missing)}" if missing else ""

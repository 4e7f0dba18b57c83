"""What the HTTP servers show: probes, metrics, and the operator's inside for people."""

import gc
import json
import sys
import threading
import traceback
import tracemalloc
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from attrs import asdict, define, frozen
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.openmetrics import exposition as openmetrics

from vmagent_operator.controller.engine.controller import Controller
from vmagent_operator.controller.engine.kind import OwnerKind
from vmagent_operator.controller.steps.memory import Decided
from vmagent_operator.controller.system import System
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.selection import Selection
from vmagent_operator.serve.http import Answer, Page, Query, Token

Check = Callable[[], str]
"""What is wrong, "" if nothing is."""


@frozen
class Probe:
    """A page that is well as long as all its checks are."""

    checks: Mapping[str, Check]

    def __call__(self, query: Query, headers: Mapping[str, str]) -> Answer:
        found = {name: check() for name, check in self.checks.items()}
        failed = {name: fault for name, fault in found.items() if fault}
        shown = found if "verbose" in query else failed
        lines = [f"{name}: {fault or 'ok'}" for name, fault in shown.items()] or ["ok"]
        return Answer("\n".join((*lines, "")).encode(), 503 if failed else 200)


@frozen
class Exposition:
    """The metrics, in the form that the client asks for."""

    registry: CollectorRegistry
    token: Token | None = None

    def __call__(self, query: Query, headers: Mapping[str, str]) -> Answer:
        if self.token is not None and not self.token.admits(headers):
            return Answer(b"unauthorized\n", 401)
        if "application/openmetrics-text" in headers.get("accept", ""):
            return Answer(openmetrics.generate_latest(self.registry), content_type=openmetrics.CONTENT_TYPE_LATEST)  # type: ignore[no-untyped-call]
        return Answer(
            exposition.generate_latest(self.registry), content_type="text/plain; version=0.0.4; charset=utf-8"
        )


@define
class Debug:
    """The inside of the process: names, times and counts, and no content of any object."""

    system: System
    effective: Mapping[str, object]

    def pages(self) -> Mapping[str, Page]:
        """Path -> page."""
        return {
            "/debug/threads": lambda query, headers: _text(_stacks()),
            "/debug/gc": lambda query, headers: _json({"counts": gc.get_count(), "stats": gc.get_stats()}),
            "/debug/tracemalloc": lambda query, headers: _text(_allocations(query)),
            "/debug/queue": lambda query, headers: _json(self._queue()),
            "/debug/informers": lambda query, headers: _json(self._informers()),
            "/debug/config": lambda query, headers: _json(dict(self.effective)),
            **{f"/debug/{of.kind.plural}/": partial(self._owner, of) for of in self.system.mapper.owners},
        }

    def _queue(self) -> Manifest:
        return {controller.name: _snapshot(controller) for controller in self.system.controllers}

    def _informers(self) -> list[Manifest]:
        return [
            {
                "kind": informer.collection.resource.kind,
                "namespace": informer.collection.namespace or "",
                "phase": informer.state.phase.value,
                "objects": informer.store.count(informer.collection.namespace),
                "resourceVersion": informer.state.resource_version,
                "activeAt": informer.state.active_at.isoformat() if informer.state.active_at else None,
                "error": str(informer.state.error) if informer.state.error else None,
            }
            for informer in self.system.informers
        ]

    def _owner(self, of: OwnerKind, query: Query, headers: Mapping[str, str]) -> Answer:
        key = tuple(query[""].removeprefix(f"/debug/{of.kind.plural}/").split("/"))
        for (namespace, name), state in self.system.owners[of.name].reconciler.states.items():
            if (namespace, name) == key:
                decided, rollout = state.decided, state.rollout
                selected = self.system.mapper.usage.selected.get((of.name, namespace, name), Selection())
                shown = {
                    "outcome": state.reported.result or "",
                    "failure": state.reported.failure,
                    "waitingFor": rollout.waiting_for if rollout.waiting_since is not None else "",
                    "fingerprint": decided.fingerprint.hex() if decided else "",
                    "children": [" ".join((kind, f"{place}/{own}")) for kind, place, own in _children(decided)],
                    "selected": sorted(f"{obj.kind.name} {obj.key}" for obj in selected.objects()),
                }
                return _json(shown)
        return Answer(b"not found\n", 404)


def _children(decided: Decided | None) -> list[tuple[str, str, str]]:
    return [child.id for child in decided.plan.children] if decided else []


def _snapshot(controller: Controller[Any]) -> Manifest:
    shown = asdict(controller.queue.snapshot(), recurse=False)
    return {name: {"/".join(key): value for key, value in found.items()} for name, found in shown.items()}


def _stacks() -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = (
        f"{names.get(ident, ident)}\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    )
    return "\n".join(parts)


def _allocations(query: Query) -> str:
    if "start" in query:
        tracemalloc.start()
        return "started\n"
    if "stop" in query:
        tracemalloc.stop()
        return "stopped\n"
    if not tracemalloc.is_tracing():
        return "not started, see ?start\n"
    top = query.get("top", "20")
    number = int(top) if top.isascii() and top.isdigit() else 20
    return "\n".join(map(str, tracemalloc.take_snapshot().statistics("lineno")[:number])) + "\n"


def _text(text: str) -> Answer:
    return Answer(text.encode())


def _json(value: object) -> Answer:
    return Answer(json.dumps(value, indent=2, default=str).encode() + b"\n", content_type="application/json")

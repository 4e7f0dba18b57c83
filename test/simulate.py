"""`python -m test.simulate -f FILE`: what the operator makes of a cluster in which things exist already.

The twin of `render` for updates, take-over, clean-up and deletion: the objects go into an API server in this process, the real
controller works on them in virtual time until nothing changes any more, and the same stream comes out, plus the given objects
that are gone.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field

from test.apiserver import fieldset, managed, memory
from test.apiserver.api import Api
from test.apiserver.failure import Failure
from test.apiserver.loading import ensure_namespace
from test.apiserver.objects import Context
from test.apiserver.routes import Raw, resolve
from test.apiserver.schema import Node
from test.apiserver.store import Json, clone
from test.controller.world import World
from test.convert.recorded import definition
from vmagent_operator.api import kinds
from vmagent_operator.api.crd import UNSEEN
from vmagent_operator.cli import manifests
from vmagent_operator.cli.commands.render import decoded
from vmagent_operator.cli.options import server
from vmagent_operator.convert.sources import BY_NAME as PROMETHEUS
from vmagent_operator.kube.http.transport import Response
from vmagent_operator.settings import Server
from vmagent_operator.status.conditions import SUMMARY

QUIET_SECONDS, LONGEST_SECONDS, ROUND_SECONDS = 150.0, 3600.0, 30.0
OWNERS = {kind.name for kind in kinds.OWNER_KINDS}
CLAIM = "PersistentVolumeClaim"
VERTICAL = {
    "apiVersion": "autoscaling.k8s.io/v1",
    "kind": "VerticalPodAutoscaler",
    "metadata": {"name": "any", "namespace": "any"},
}
BEFORE = Context("operator")
SERVERS_OWN = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "deletionGracePeriodSeconds",
)
Key = tuple[str, str, str]


def main() -> int:
    """Print what the cluster of the arguments comes to; 1 if an owner has failed, 2 for unusable arguments."""
    parser = argparse.ArgumentParser(prog="python -m test.simulate", description=__doc__.split("\n")[0])
    parser.add_argument("-f", "--filename", action="append", required=True, metavar="FILE|DIR|-", help="the cluster")
    parser.add_argument(
        "--kubernetes-version", type=server, default=Server(), metavar="1.36", help="version of the API server"
    )
    options = parser.parse_args()
    try:
        given = list(manifests.read(options.filename))
    except manifests.InputError as error:
        print(error, file=sys.stderr)
        return 2
    simulation = simulate(given, os.environ, options.kubernetes_version)
    sys.stdout.write(manifests.dump([*map(decoded, simulation.objects()), {"deleted": simulation.deleted()}], "yaml"))
    failures = simulation.failures()
    for line in failures:
        print(line, file=sys.stderr)
    return 1 if failures else 0


def simulate(given: list[Json], environ: Mapping[str, str], version: Server) -> "Simulation":
    """The cluster of `given` after everything has come to rest."""
    sources = {PROMETHEUS[each["kind"]].kind for each in given if each["kind"] in PROMETHEUS}
    world = World(environ, definitions=[definition(kind) for kind in sources])
    world.api.version = version.version
    world.system.discovered(evolve(version, openshift=world.system.settings.openshift == "enabled"))
    if world.system.settings.vpa_api_enabled:
        _defined(world.api, VERTICAL)
    simulation = Simulation(given, world)
    simulation.run()
    return simulation


@define(eq=False)
class Recording:
    """A transport that remembers the last whole object that was sent for each name, as it was sent."""

    face: memory.Memory
    sent: dict[Key, Json] = field(factory=dict)

    def request(self, method: str, path: str, **rest: Any) -> Response:
        """See Transport."""
        answer = self.face.request(method, path, **rest)
        request = resolve(Raw(method, path), self.face.api.served)
        if answer.status < 300 and request is not None and not request.subresource and rest.get("body"):
            body = json.loads(rest["body"])
            if isinstance(body, dict) and "kind" in body and request.verb in ("create", "update", "patch"):
                meta = {key: part for key, part in body["metadata"].items() if key not in SERVERS_OWN}
                self.sent[key_of(body)] = body | {"metadata": meta}
        return answer

    def stream(self, path: str, **rest: Any) -> memory.MemoryStream:
        """See Transport."""
        return self.face.stream(path, **rest)


def key_of(manifest: Mapping[str, Any]) -> Key:
    """Kind, namespace, name."""
    return manifest["kind"], manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


@define(eq=False)
class Simulation:
    """`given` in `world`, and what becomes of it."""

    given: list[Json]
    world: World
    before: dict[Key, Json] = field(init=False, factory=dict)
    settled: dict[Key, Json] = field(init=False, factory=dict)
    recording: Recording = field(init=False)

    def __attrs_post_init__(self) -> None:
        api = self.world.api
        self.recording = Recording(self.world.transport)
        for client in (self.world.system.client, self.world.system.low_priority):
            client.transport = self.recording
        api.workloads.is_on = api.collector.is_on = False
        for position, raw in enumerate(self.given):
            self._place(position, raw)
        api.workloads.counts_revisions = False  # nor were Deployments numbered
        api.workloads.is_on = True  # orphans stay: nobody collected them in the recorded cases
        api.tick()
        self.settled = self.live()

    def _place(self, position: int, raw: Json) -> None:
        """Put an object into the store as if it had been there all along, made by an ordinary write of someone before us.

        Nothing is validated, for what is there may break the rules; what the object says of itself stays.
        """
        api = self.world.api
        kind = api.kind(raw["apiVersion"], raw["kind"]) if _is_served(api, raw) else _defined(api, raw)
        meta = {"uid": f"uid-{position}", "generation": 1, "creationTimestamp": api.store.timestamp()} | raw["metadata"]
        if kind.is_namespaced:
            meta.setdefault("namespace", "default")
            ensure_namespace(api, meta["namespace"])
        value = clone(raw) | {"metadata": meta}
        stored = api.objects.revive(kind, value, BEFORE)
        if "status" in raw:
            stored["status"] = clone(raw["status"])
        if "managedFields" not in meta:
            writer = managed.Writer(BEFORE.manager, "Update", kind.api_version)
            owners = managed.update(kind.node, None, stored, {}, writer, api.store.timestamp(), ("f:status",))
            stored["metadata"]["managedFields"] = managed.write(owners)
        api.store.put(kind.storage, (meta.get("namespace", ""), meta["name"]), stored)
        api.definitions.step()
        self.before[key_of(value)] = value

    def run(self) -> None:
        """Let operator and server work until nothing has changed for longer than any retry takes."""
        clock, store = self.world.clock, self.world.api.store
        version, changed_at = store.version, clock.seconds
        while clock.seconds - changed_at < QUIET_SECONDS and clock.seconds < LONGEST_SECONDS:
            self.world.settle(ROUND_SECONDS)
            if store.version != version:
                version, changed_at = store.version, clock.seconds

    def live(self) -> dict[Key, Json]:
        """All objects, as they are."""
        found = {}
        for storage, name, value in self.world.api.store.everything():
            kind = self.world.api.by_storage(storage)
            if kind is not None:
                found[kind.name, name[0], name[1]] = {"apiVersion": kind.api_version, "kind": kind.name} | value
        return found

    def objects(self) -> list[Json]:
        """What the operator created or changed, as it wrote it; of given custom resources the head."""
        live, shown = self.live(), {}
        for key in sorted(live.keys() & (self.recording.sent.keys() | self.before.keys())):
            given, sent, now = self.before.get(key), self.recording.sent.get(key), live[key]
            is_templated = key[0] == CLAIM and "spec" not in (
                sent or {}
            )  # Kubernetes makes those of StatefulSets itself
            if key[0] == "Event" or (given is None and is_templated):
                continue
            if given is None:
                shown[key] = self.recording.sent[key] | _status(now, key[0])
            elif "status" not in given and _is_ignored(now):
                continue  # that nobody selects it is told in a cluster; `render` and the recorded cases leave it untouched
            elif sent is not None or _own(self.settled[key]) != _own(now):
                is_whole = sent is not None or key[0] not in kinds.BY_NAME
                shown[key] = self._written_over(given, sent or {}, now) if is_whole else _head(now)
            elif key[0] == CLAIM:
                shown[key] = _head(now)
        return list(shown.values())

    def _written_over(self, given: Json, sent: Json, now: Json) -> Json:
        """What was given and then written over, without defaults: what others had set and has stayed is still there."""
        kind = self.world.api.kind(given["apiVersion"], given["kind"])
        raw: Json = held(kind.node, fieldset.merge(kind.node, given, sent), now)
        value: Json = _as_is(raw, self.world.api.objects.revive(kind, clone(raw), BEFORE), now)
        return {key: part for key, part in value.items() if key != "status"} | _head(
            value | {"status": now.get("status")}
        )

    def deleted(self) -> list[str]:
        """Given objects that are gone, as `Kind namespace/name`; the namespace of the cluster's own is None."""
        live = self.live()
        return sorted(
            f"{kind} {namespace or None}/{name}"
            for kind, namespace, name in self.before
            if (kind, namespace, name) not in live
        )

    def failures(self) -> list[str]:
        """One line for each owner that failed."""
        lines = []
        for (kind, namespace, name), value in sorted(self.live().items()):
            status = value.get("status") or {}
            if kind in OWNERS and status.get("updateStatus") == "failed":
                lines.append(f"{kind} {namespace}/{name}: {status.get('reason', '')}")
        return lines


def held(node: Node, value: Any, live: Any) -> Any:
    """The parts of `value` that `live` has as well."""
    if fieldset.is_leaf(node, value) or type(value) is not type(live):
        return value
    present = {name: part for name, _, part in fieldset.items(node, live)}
    kept = [
        (name, held(child, part, present[name])) for name, child, part in fieldset.items(node, value) if name in present
    ]
    return {name[2:]: part for name, part in kept} if isinstance(value, dict) else [part for _, part in kept]


def _own(value: Json) -> Json:
    """An object without what is the server's; the status of built-in kinds is."""
    return {key: part for key, part in value.items() if key not in ("status", "metadata")} | _head(value)


def _as_is(raw: Any, stored: Any, now: Any) -> Any:
    """`raw`, but for what is no longer as it would be `stored`."""
    if isinstance(raw, dict) and isinstance(stored, dict) and isinstance(now, dict):
        return {key: _as_is(part, stored.get(key), now[key]) for key, part in raw.items() if key in now}
    return raw if stored == now else now


def _head(value: Json) -> Json:
    """An object without what it asks for and without what is the server's."""
    kept = {key: part for key, part in value["metadata"].items() if key not in SERVERS_OWN and part}
    return {"apiVersion": value["apiVersion"], "kind": value["kind"], "metadata": kept} | _status(value, value["kind"])


def _status(value: Json, kind: str) -> Json:
    """The status of a custom resource; those of built-in kinds are Kubernetes' own."""
    status = value.get("status") if kind in kinds.BY_NAME else None
    if not status or status == UNSEEN:
        return {}
    untold = {"lastAppliedSpec", *(("reason",) if _is_ignored(value) else ())}
    shown = {key: part for key, part in status.items() if key not in untold}
    if "conditions" in shown:
        shown["conditions"] = [each for each in shown["conditions"] if each["type"] not in SUMMARY]
    return {"status": shown}


def _is_ignored(value: Json) -> bool:
    return bool((value.get("status") or {}).get("updateStatus") == "ignored")


def _is_served(api: Api, raw: Json) -> bool:
    try:
        api.kind(raw["apiVersion"], raw["kind"])
    except Failure:
        return False
    return True


def _defined(api: Api, raw: Json) -> Any:
    """A kind that only the input knows: defined here, whatever its objects hold."""
    group, _, version = raw["apiVersion"].rpartition("/")
    plural = f"{raw['kind'].lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [{"name": version, "served": True, "storage": True, "schema": schema}]
    names = {"plural": plural, "kind": raw["kind"]}
    scope = "Namespaced" if raw["metadata"].get("namespace") else "Cluster"
    meta = {"name": f"{plural}.{group}"}
    spec = {"group": group, "names": names, "scope": scope, "versions": versions}
    api.add(
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta, "spec": spec}
    )
    api.settle()
    return api.kind(raw["apiVersion"], raw["kind"])


if __name__ == "__main__":
    sys.exit(main())

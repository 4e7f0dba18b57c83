"""`render`: what a converged operator would have made of the given objects, without a cluster.

It is the pure half of the program plus a file reader, so what it prints is byte for byte what a reconcile applies.
"""

import argparse
import base64
import re
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import define, evolve, field, frozen

from vmagent_operator.api.kinds import BY_NAME, SCRAPE_KINDS, VMAGENT, Kind, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli import manifests
from vmagent_operator.controller.engine import owners
from vmagent_operator.controller.steps.leftout import LeftOut, name_of
from vmagent_operator.desired import stages
from vmagent_operator.desired.vmagent.desired import Desired, Inputs, desired, self_scrape
from vmagent_operator.desired.vmagent.features import prefixed, scale, scrape_owner
from vmagent_operator.identity import FINALIZER
from vmagent_operator.kube.write.ownership import adds_nothing, describe, objection
from vmagent_operator.limits import INFLATED_BYTES
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.scrape.selection import select
from vmagent_operator.settings import Server, Settings, SettingsError, load
from vmagent_operator.status.conditions import condition_type
from vmagent_operator.status.owner import State, owner_status
from vmagent_operator.status.scrape import scrape_status

_GZIP = b"\x1f\x8b"
_VERSION = re.compile(r"v?(\d+)\.(\d+)")
Key = tuple[str, str, str]


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print what the objects in the files of `arguments` lead to; 1 if an agent cannot be rendered, 2 if nothing can."""
    try:
        options = _parser().parse_args(arguments)
        settings = load(environ)
        cluster = Cluster.of(manifests.read(options.filename))
    except SystemExit as stop:
        return int(stop.code or 0)
    except (SettingsError, manifests.InputError) as error:
        print(error, file=sys.stderr)
        return 2
    rendered = render(cluster, settings, options.kubernetes_version, datetime.now(UTC))
    shown = map(decoded, rendered.objects) if options.decode_secrets else rendered.objects
    sys.stdout.write(manifests.dump(shown, options.output))
    for line in (*rendered.errors, *manifests.unread(cluster.custom.values())):
        print(line, file=sys.stderr)
    return 1 if rendered.errors else 0


@frozen
class Cluster:
    """Objects that stand for a cluster. An object without uid or generation gets `uid-<position>` and 1."""

    given: Mapping[Key, Manifest]
    custom: Mapping[Key, CustomObject[Any]]

    @classmethod
    def of(cls, objects: Iterable[Manifest]) -> "Cluster":
        """A cluster with `objects`, the later of two with the same name."""
        given: dict[Key, Manifest] = {}
        for position, raw in enumerate(objects):
            metadata = {"uid": f"uid-{position}", "generation": 1} | raw["metadata"]
            if raw["kind"] in BY_NAME or raw["kind"] in ("Secret", "ConfigMap"):
                metadata.setdefault("namespace", "default")
            completed = {**raw, "metadata": metadata}
            given[_key(completed)] = completed
        return cls(given, {key: read(raw) for key, raw in given.items() if key[0] in BY_NAME})

    @property
    def namespaces(self) -> dict[str, dict[str, str]]:
        """Namespaces and their labels; one that is only mentioned has the label that every namespace has."""
        names = {namespace for _, namespace, _ in self.given if namespace}
        labels = {raw["metadata"]["name"]: raw["metadata"].get("labels") or {} for raw in self._of_kind("Namespace")}
        return {
            name: {"kubernetes.io/metadata.name": name, **labels.get(name, {})}
            for name in sorted(names | labels.keys())
        }

    @property
    def contents(self) -> dict[Reference, dict[str, str]]:
        """What Secrets and ConfigMaps hold."""
        found = {}
        for raw in self._of_kind("Secret"):
            data = {key: base64.b64decode(value) for key, value in (raw.get("data") or {}).items()}
            texts = {key: value.decode("utf-8", "surrogateescape") for key, value in data.items()}
            found[_reference(raw)] = texts | (raw.get("stringData") or {})
        for raw in self._of_kind("ConfigMap"):
            found[_reference(raw)] = dict(raw.get("data") or {})
        return found

    def _of_kind(self, kind: str) -> list[Manifest]:
        return [raw for key, raw in self.given.items() if key[0] == kind]


@frozen
class Rendered:
    """What came of a cluster: objects sorted by kind, namespace and name, and one line for each agent that failed."""

    objects: tuple[Manifest, ...]
    errors: tuple[str, ...]


def render(cluster: Cluster, settings: Settings, server: Server, now: datetime) -> Rendered:
    """Everything that reconciles of all VMAgents in `cluster` create or change, once nothing changes any more."""
    rendering = _Rendering(cluster, settings, server, now)
    for agent in rendering.agents:
        if agent.spec is None:
            rendering.settle(agent, "failed", str(agent.error))
        elif agent.spec.paused:
            rendering.finalized.add(_key_of(agent))
            rendering.settle(agent, "paused")
    for agent, result in rendering.results():
        rendering.finalized.add(_key_of(agent))
        if isinstance(result, OwnerError):
            rendering.settle(agent, "failed", str(result))
        else:
            left_out = rendering.apply(agent, result)
            if reason := left_out.reason:
                rendering.settle(agent, "failed", reason)
            else:
                rendering.settle(agent, "operational", warnings=result.warnings)
    rendering.report()
    return Rendered(tuple(rendering.objects()), tuple(rendering.errors))


@define
class _Rendering:
    """A cluster while its agents are reconciled.

    custom: every custom resource with its status so far. created: what agents want. finalized: who has our finalizer.
    verdicts: by the type of its condition, what an agent made of the scrape objects that it selects.
    """

    cluster: Cluster
    settings: Settings
    server: Server
    now: datetime
    values: SecretSnapshot = field(init=False)
    namespaces: Mapping[str, Mapping[str, str]] = field(init=False)
    custom: dict[Key, CustomObject[Any]] = field(init=False)
    created: dict[Key, Manifest] = field(factory=dict)
    finalized: set[Key] = field(factory=set)
    errors: list[str] = field(factory=list)
    verdicts: dict[str, Mapping[Key, str | None]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.values = SecretSnapshot(self.cluster.contents, trim=self.settings.trim_secret_values)
        self.namespaces = self.cluster.namespaces
        self.custom = dict(self.cluster.custom)

    @property
    def agents(self) -> list[CustomObject[Any]]:
        """The VMAgents that nobody is deleting, in the order in which they were given."""
        return [obj for obj in self.custom.values() if obj.kind is VMAGENT and not obj.is_deleted]

    def results(self) -> list[tuple[CustomObject[Any], Desired | OwnerError]]:
        """What each active agent asks for, or why that cannot be told.

        All see the scrape objects by which the others are scraped, except those that are not written: nothing is where an
        agent fails.
        """
        agents = [agent for agent in self.agents if agent.spec is not None and not agent.spec.paused]
        own = {agent.key: manifest for agent in agents if (manifest := self._own_scrape(agent))}
        before = self.custom
        while True:
            self.custom = before | {_key(raw): self._placed(raw) for raw in own.values()}
            objects = {kind: [obj for obj in self.custom.values() if obj.kind is kind] for kind in SCRAPE_KINDS}
            results = [(agent, self._wanted(agent, objects)) for agent in agents]
            failed = [
                agent.key for agent, result in results if agent.key in own and self._lacks(result, own[agent.key])
            ]
            if not failed:
                return results
            for key in failed:
                del own[key]

    def apply(self, agent: CustomObject[Any], wanted: Desired) -> LeftOut:
        """Create what `agent` wants, and remember what it made of scrape objects; what is left out of that."""
        left_out = self._left_out(wanted)
        for manifest in stages.objects(wanted.stages):
            if name_of(manifest) not in left_out.names and not adds_nothing(manifest):
                self.created[_key(manifest)] = manifest
        if ("Secret", agent.namespace, prefixed(agent)) not in left_out.names:
            self._judge(agent, wanted)
        return left_out

    def _left_out(self, wanted: Desired) -> LeftOut:
        left_out = LeftOut()
        for manifest in stages.objects(wanted.stages):
            live = self.cluster.given.get(_key(manifest))
            if adds_nothing(manifest) or left_out.takes(manifest) or live is None:
                continue
            if found := objection(manifest, live, owners.POLICY):
                left_out.refuse(manifest, f"{describe(manifest)} {found}")
        return left_out

    def _judge(self, agent: CustomObject[Any], wanted: Desired) -> None:
        said: dict[Key, str | None] = {}
        if wanted.configuration is not None:
            said |= {_key_of(obj): None for obj in wanted.configuration.applied}
            said |= {_key_of(finding.object): finding.message for finding in wanted.configuration.findings}
        self.verdicts[condition_type(agent)] = said

    def report(self) -> None:
        """Give scrape objects their statuses, once all owners have spoken."""
        for key, obj in self.custom.items():
            if obj.kind is not VMAGENT and not obj.is_deleted:
                said = {parent: of[key] for parent, of in self.verdicts.items() if key in of}
                self._tell(key, scrape_status(obj, said, self.verdicts.keys() - said.keys(), self.now))

    def settle(self, agent: CustomObject[Any], state: State, reason: str = "", warnings: Sequence[str] = ()) -> None:
        """Give `agent` its status; workloads count as ready."""
        is_available = True if state == "operational" else None
        news = owner_status(
            agent, state, reason, self.now, scale=scale(agent), warnings=warnings, is_available=is_available
        )
        self._tell(_key_of(agent), news)
        if state == "failed":
            self.errors.append(f"VMAgent {agent.key}: {reason}")

    def objects(self) -> list[Manifest]:
        """Everything that was created or changed, sorted."""
        shown = dict(self.created)
        for key, obj in self.custom.items():
            if key in shown:
                shown[key] = {**shown[key], **({"status": dict(obj.status)} if obj.status else {})}
            elif key in self.finalized or obj.status != self.cluster.custom[key].status:
                shown[key] = self._head(key, obj)
        return [shown[key] for key in sorted(shown)]

    def _lacks(self, result: Desired | OwnerError, manifest: Manifest) -> bool:
        """Whether an agent that came to `result` does not get the object `manifest`."""
        return isinstance(result, OwnerError) or name_of(manifest) in self._left_out(result).names

    def _own_scrape(self, agent: CustomObject[Any]) -> Manifest | None:
        """The scrape object by which the agent is scraped, if it is there or its name is free."""
        manifest = self_scrape(agent, self.settings)
        live = self.cluster.given.get(_key(manifest)) if manifest else None
        return manifest if live is None or owners.is_ours(agent, live) else None

    def _placed(self, manifest: Manifest) -> CustomObject[Any]:
        """A scrape object of an agent's own, as it stands in the cluster once written."""
        before = self.cluster.given.get(_key(manifest), {"metadata": {"generation": 1}})
        return read({**manifest, "metadata": before["metadata"] | manifest["metadata"], "status": before.get("status")})

    def _wanted(
        self, agent: CustomObject[Any], objects: Mapping[Kind[Any], Sequence[CustomObject[Any]]]
    ) -> Desired | OwnerError:
        secret = self.cluster.given.get(("Secret", agent.namespace, prefixed(agent)))
        try:
            inputs = Inputs(
                agent=agent,
                selection=select(scrape_owner(agent, self.settings), objects, self.namespaces),
                values=self.values,
                settings=self.settings,
                server=self.server,
            )
            return desired(owners.config_secret(agent, secret).given_to(inputs))
        except OwnerError as error:
            return error

    def _tell(self, key: Key, news: Mapping[str, Any] | None) -> None:
        if news is not None:
            self.custom[key] = evolve(self.custom[key], status=news)

    def _head(self, key: Key, obj: CustomObject[Any]) -> Manifest:
        raw = self.cluster.given[key]
        metadata = raw["metadata"]
        if key in self.finalized:
            metadata = metadata | {"finalizers": [*dict.fromkeys((*obj.metadata.finalizers, FINALIZER))]}
        return {"apiVersion": raw["apiVersion"], "kind": raw["kind"], "metadata": metadata, "status": dict(obj.status)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vmagent-operator render", description="Show what the operator makes of manifests, without a cluster."
    )
    parser.add_argument(
        "-f", "--filename", action="append", required=True, metavar="FILE|DIR|-", help="manifests; may be repeated"
    )
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="form of the output")
    parser.add_argument("--decode-secrets", action="store_true", help="show the data of Secrets as text")
    parser.add_argument(
        "--kubernetes-version", type=server, default=Server(), metavar="1.36", help="version of the API server"
    )
    return parser


def server(text: str) -> Server:
    """An API server of the version in `text`, such as 1.36."""
    if not (found := _VERSION.match(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no version such as 1.36")
    return Server((int(found[1]), int(found[2])))


def decoded(manifest: Manifest) -> Manifest:
    """`manifest` with the data of a Secret as text, unpacked where it is packed."""
    if manifest["kind"] != "Secret" or "data" not in manifest:
        return manifest
    shown = {key: value for key, value in manifest.items() if key != "data"}
    return {**shown, "decoded": {key: _plain(base64.b64decode(value)) for key, value in manifest["data"].items()}}


def _plain(content: bytes) -> str:
    return _unpacked(content).decode("utf-8", "replace")


def _unpacked(content: bytes) -> bytes:
    """What gzip holds, as far as it is worth looking at; anything else, and what only looks like gzip, as it is."""
    if not content.startswith(_GZIP):
        return content
    unpacker = zlib.decompressobj(zlib.MAX_WBITS + 16)
    try:
        unpacked = unpacker.decompress(content, INFLATED_BYTES)
    except zlib.error:
        return content
    if unpacker.unconsumed_tail:
        return INFLATED_BYTES.exceeded.encode()
    return unpacked if unpacker.eof else content


def _key(raw: Manifest) -> Key:
    metadata = raw["metadata"]
    return raw["kind"], metadata.get("namespace", ""), metadata["name"]


def _key_of(obj: CustomObject[Any]) -> Key:
    return obj.kind.name, obj.namespace, obj.name


def _reference(raw: Manifest) -> Reference:
    return Reference(raw["kind"], raw["metadata"]["namespace"], raw["metadata"]["name"])

"""Key -> what a reconcile decides on: the only reads before its writes.

Objects come from the stores. The content of Secrets and ConfigMaps is read live, and again only when their resource
version has changed; which of them an owner has tried to read is reported even if they do not exist.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from vmagent_operator import blocks
from vmagent_operator.api import kinds
from vmagent_operator.api.kinds import Kind
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.blocks import Block, Blocks
from vmagent_operator.controller.engine import stores
from vmagent_operator.controller.engine.kind import Owner, OwnerKind, custom
from vmagent_operator.controller.engine.owners import config_secret, is_ours, refers_to
from vmagent_operator.controller.engine.stores import SCRAPES, WORKLOADS, Stores
from vmagent_operator.desired.around.writers import pairs
from vmagent_operator.desired.stages import ConfigSecret, Inputs
from vmagent_operator.identity import SKIP_VALIDATION
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.model.encode import to_json
from vmagent_operator.scrape.config import keys
from vmagent_operator.scrape.part import Keys, merged
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.scrape.references import keys as own_keys
from vmagent_operator.scrape.selection import Selection, select_blocks
from vmagent_operator.settings import Server, Settings

_AGENTS = custom(kinds.VMAGENT)
_RESOURCES: Mapping[str, Resource] = {"Secret": resource.SECRETS, "ConfigMap": resource.CONFIGMAPS}


@frozen
class Read:
    """The content of a Secret or ConfigMap at this UID and resource version, of those `keys` that were asked for."""

    uid: str
    resource_version: str
    content: dict[str, str] | None
    keys: frozenset[str] = frozenset()


@define
class ReadState:
    """What an owner's reconciles have read: Secrets and ConfigMaps, and its configuration Secret without the values."""

    contents: dict[Reference, Read] = field(factory=dict)
    config_secret: Manifest | None = None


@frozen(kw_only=True)
class References:
    """What an owner asks for by name: the scrape objects that it selects, Secrets and ConfigMaps, and the keys in these."""

    selection: Selection
    keys: Keys

    @property
    def named(self) -> frozenset[Reference]:
        """The Secrets and ConfigMaps."""
        return frozenset(self.keys)


@frozen(kw_only=True)
class Snapshot:
    """Everything that one reconcile decides on; equal fingerprints must give the same objects."""

    inputs: Inputs
    fingerprint: bytes


@define
class Gatherer:
    """Takes snapshots of the owners of one kind.

    With `lists_references`, a Secret that its store lacks does not exist. `server` is replaced when discovery says
    something new.
    """

    of: OwnerKind
    stores: Stores
    client: Client
    settings: Settings
    lists_references: bool
    server: Server = Server()

    def references(self, owner: Owner) -> References:
        """What `owner` asks for, as the stores have it. Raises SelectorError and OwnerError."""
        scrapes = self.of.scrape_owner(owner, self.settings)
        if scrapes is None:
            return References(selection=Selection(), keys=merged(own_keys(owner.spec, owner.namespace)))
        objects = {kind: self.stores.blocks(resource) for resource, kind in SCRAPES.items()}
        selection = select_blocks(scrapes, self._with_self(owner, objects), self.stores.namespaces())
        return References(selection=selection, keys=keys(scrapes, selection))

    def snapshot(self, owner: Owner, wanted: References, state: ReadState) -> Snapshot:
        """`wanted` with the contents that it names. Raises ApiError."""
        reads = {of: self._read(of, wanted.keys.get(of, frozenset()), state) for of in sorted(wanted.named)}
        config = self._config_secret(owner, state)
        state.contents = {known: read for known, read in state.contents.items() if known in reads}
        contents = {of: read.content for of, read in reads.items()}
        inputs = Inputs(
            owner=owner,
            selection=wanted.selection,
            values=SecretSnapshot(contents, trim=self.settings.trim_secret_values),
            settings=self.settings,
            server=self.server,
            config=config,
            replicas=self._replicas(owner),
            claims=self._claims(owner),
            writers=self._writers(owner),
        )
        return Snapshot(inputs=inputs, fingerprint=_fingerprint(inputs, reads))

    def _with_self(
        self, owner: Owner, objects: Mapping[Kind[Any], Blocks[CustomObject[Any]]]
    ) -> Mapping[Kind[Any], Blocks[CustomObject[Any]]]:
        """`objects` with the owner's own scrape objects as they will be, so that it selects itself in its first reconcile."""
        for manifest in self.of.self_scrapes(owner, self.settings):
            built = kinds.read(manifest)
            stored = blocks.find(objects[built.kind], built.key)
            if stored is not None:
                # What somebody else has given that name is scraped as it says.
                if stored.spec == built.spec or not is_ours(self.of, owner, {"metadata": stores.metadata(stored)}):
                    continue
                metadata = evolve(built.metadata, uid=stored.metadata.uid, generation=stored.metadata.generation)
                built = evolve(built, metadata=metadata, status=stored.status)
            others = [*objects[built.kind]]
            blocks.put(others, built.key, built)
            objects = {**objects, built.kind: others}
        return objects

    def _read(self, reference: Reference, keys: frozenset[str], state: ReadState) -> Read:
        """The content under `keys` as of now; a request only if it is not what was read before."""
        kind = _RESOURCES[reference.kind]
        known = self.stores.get(kind, reference.namespace, reference.name)
        if known is None and self.lists_references and self.stores.is_current(kind):
            return Read("", "", None)
        before = state.contents.get(reference)
        is_known = known is not None and before and _version(known) == (before.uid, before.resource_version)
        if is_known and before and keys <= before.keys:
            return before
        try:
            live = self.client.get(kind, reference.namespace, reference.name)
        except NotFound:
            return Read("", "", None)
        found = state.contents[reference] = Read(*_version(live), _content(live, keys), keys)
        return found

    def _replicas(self, owner: Owner) -> Mapping[str, int]:
        """The number of pods that workloads have been told to have, of those where it counts."""
        counted = {each.name for each in self.of.workloads(owner) if each.is_counted}
        found = (known for kind in WORKLOADS if counted for known in self.stores.owned(kind, self.of.key(owner)))
        return {
            known["metadata"]["name"]: known["spec"].get("replicas", 1)
            for known in found
            if known["metadata"]["name"] in counted
        }

    def _claims(self, owner: Owner) -> frozenset[str]:
        """Those claims of the owner's own that are there, and stay."""
        known = {
            name: self.stores.get(resource.PERSISTENTVOLUMECLAIMS, owner.namespace, name)
            for name in self.of.claims(owner)
        }
        return frozenset(
            name for name, claim in known.items() if claim and "deletionTimestamp" not in claim["metadata"]
        )

    def _writers(self, owner: Owner) -> frozenset[str]:
        """The VMAgents that write to the owner from several pods, if that matters."""
        entrances = self.of.entrances(owner)
        return pairs(self.stores.items(_AGENTS), entrances, owner.namespace) if entrances else frozenset()

    def _config_secret(self, owner: Owner, state: ReadState) -> ConfigSecret:
        """What the configuration Secret is to the owner, by a look at it unless it is surely ours to write.

        That it is not in the store proves nothing where it may be a user's: the event may be late, and a store of
        labelled objects never has it.
        """
        target = self.of.config(owner)
        if target is None:
            return ConfigSecret()
        known = self.stores.get(resource.SECRETS, owner.namespace, target.name)
        is_surely_ours = self.lists_references if known is None else refers_to(owner, known)
        if is_surely_ours and not target.is_unmanaged:
            return ConfigSecret()
        before = state.config_secret
        if known is None or before is None or _version(known) != _version(before):
            try:
                live = self.client.get(resource.SECRETS, owner.namespace, target.name)
            except NotFound:
                state.config_secret = None
                return ConfigSecret()
            # Only the names of its keys matter; holding the configuration itself twice would be a waste.
            before = {"metadata": live["metadata"], "data": dict.fromkeys(live.get("data") or {}, "")}
            state.config_secret = before
        return config_secret(self.of, owner, before)


def _version(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"]["uid"], manifest["metadata"]["resourceVersion"]


def _content(manifest: Manifest, keys: frozenset[str]) -> dict[str, str]:
    """Key -> text of those that are asked for; of a ConfigMap its `data` only. Bytes that are no UTF-8 become lone surrogates.

    The rest, up to a megabyte of each of a tenant's Secrets, is nobody's business.
    """
    data = {key: value for key, value in (manifest.get("data") or {}).items() if key in keys}
    if manifest["kind"] != "Secret":
        return dict(data)
    return {key: base64.b64decode(value).decode("utf-8", "surrogateescape") for key, value in data.items()}


def _fingerprint(inputs: Inputs, reads: Mapping[Reference, Read]) -> bytes:
    digest = hashlib.sha256()
    metadata = inputs.owner.metadata
    own = (metadata.uid, metadata.generation, sorted(metadata.annotations.items()))
    digest.update(
        repr(
            (
                own,
                inputs.server,
                inputs.config,
                sorted(inputs.replicas.items()),
                sorted(inputs.claims),
                sorted(inputs.writers),
            )
        ).encode()
    )
    for block in inputs.selection:
        digest.update(_states(block))
    for reference, read in reads.items():
        digest.update(repr((reference, read.uid, read.resource_version)).encode())
    return digest.digest()


def _states(block: Block[CustomObject[Any]]) -> bytes:
    """What tells these states of objects from others; made once for each block."""
    known: bytes | None = block.memo.get(_states)
    if known is None:
        known = block.memo[_states] = hashlib.sha256(b"".join(map(_state, block.things))).digest()
    return known


def _state(scrape: CustomObject[Any]) -> bytes:
    """What tells this state of a scrape object from others; made once for each."""
    known: bytes | None = scrape.memo.get(_state)
    if known is None:
        own = scrape.metadata
        state = own.uid and (own.uid, own.generation, own.annotations.get(SKIP_VALIDATION))
        text = repr((scrape.kind.name, scrape.key, state or json.dumps(to_json(scrape.spec))))
        known = scrape.memo[_state] = text.encode()
    return known

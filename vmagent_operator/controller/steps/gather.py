"""Key -> what a pass decides on: the only reads of a reconcile before its writes.

Objects come from the stores. The content of Secrets and ConfigMaps is read live, and again only when their resource
version has changed; which of them an agent has tried to read is reported even if they do not exist.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, frozen

from vmagent_operator.api import kinds
from vmagent_operator.api.kinds import Kind
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.vmagent import VMAgentSpec
from vmagent_operator.controller.engine import stores
from vmagent_operator.controller.engine.owners import ConfigSecret, config_secret, is_ours
from vmagent_operator.controller.engine.state import Memory, Read
from vmagent_operator.controller.engine.stores import SCRAPES, Stores
from vmagent_operator.desired.vmagent.desired import Inputs, self_scrape
from vmagent_operator.desired.vmagent.features import has_secrets, is_unmanaged, prefixed, scrape_owner
from vmagent_operator.identity import SKIP_VALIDATION
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.kube.resource import Manifest, Resource
from vmagent_operator.model.encode import to_json
from vmagent_operator.scrape.config import keys, named
from vmagent_operator.scrape.references import Reference, SecretSnapshot, references
from vmagent_operator.scrape.selection import Selection, select
from vmagent_operator.settings import Server, Settings

_RESOURCES: Mapping[str, Resource] = {"Secret": resource.SECRETS, "ConfigMap": resource.CONFIGMAPS}


@frozen(kw_only=True)
class Wanted:
    """What an agent asks for by name: the scrape objects that it selects, Secrets and ConfigMaps, and the keys in these."""

    selection: Selection
    references: frozenset[Reference]
    keys: Mapping[Reference, frozenset[str]]

    @property
    def chosen(self) -> Iterable[CustomObject[Any]]:
        """The scrape objects in the order of their jobs."""
        return (scrape for kind in kinds.SCRAPE_KINDS for scrape in self.selection.chosen.get(kind, ()))


@frozen(kw_only=True)
class Snapshot:
    """Everything that decides what one pass wants; equal fingerprints must give the same objects."""

    inputs: Inputs
    fingerprint: bytes


@frozen
class Gatherer:
    """Takes snapshots. With `lists_references`, a Secret that its store lacks does not exist."""

    stores: Stores
    client: Client
    settings: Settings
    lists_references: bool = True

    def wanted(self, agent: CustomObject[VMAgentSpec]) -> Wanted:
        """What `agent` asks for, as the stores have it. Raises SelectorError and AgentError."""
        objects = {kind: self.stores.items(of) for of, kind in SCRAPES.items()}
        owner = scrape_owner(agent, self.settings)
        selection = select(owner, self._with_self(agent, objects), self.stores.namespaces())
        own = references(agent.spec, agent.namespace)
        return Wanted(selection=selection, references=own | named(owner, selection), keys=keys(owner, selection))

    def snapshot(self, agent: CustomObject[VMAgentSpec], wanted: Wanted, memory: Memory, server: Server) -> Snapshot:
        """`wanted` with the contents that it names. Raises ApiError."""
        reads = {of: self._read(of, wanted.keys.get(of, frozenset()), memory) for of in sorted(wanted.references)}
        own = self._config_secret(agent, memory)
        memory.reads = {known: read for known, read in memory.reads.items() if known in reads}
        inputs = Inputs(
            agent=agent,
            selection=wanted.selection,
            values=SecretSnapshot(
                {of: read.content for of, read in reads.items()}, trim=self.settings.trim_secret_values
            ),
            settings=self.settings,
            server=server,
        )
        fingerprint = _fingerprint(agent, wanted.selection, reads, server, own)
        return Snapshot(inputs=own.given_to(inputs), fingerprint=fingerprint)

    def _with_self(
        self, agent: CustomObject[VMAgentSpec], objects: Mapping[Kind[Any], tuple[CustomObject[Any], ...]]
    ) -> Mapping[Kind[Any], tuple[CustomObject[Any], ...]]:
        """`objects` with the agent's own scrape object as it will be, so that it can select itself in its first pass."""
        manifest = self_scrape(agent, self.settings)
        if manifest is None:
            return objects
        built = kinds.read(manifest)
        stored = next((known for known in objects[built.kind] if known.key == built.key), None)
        if stored is None:
            return {**objects, built.kind: (*objects[built.kind], built)}
        if stored.spec == built.spec or not is_ours(agent, {"metadata": stores.metadata(stored)}):
            return objects  # what somebody else has given that name is scraped as it says
        metadata = evolve(built.metadata, uid=stored.metadata.uid, generation=stored.metadata.generation)
        others = (known for known in objects[built.kind] if known is not stored)
        return {**objects, built.kind: (*others, evolve(built, metadata=metadata, status=stored.status))}

    def _read(self, reference: Reference, keys: frozenset[str], memory: Memory) -> Read:
        """The content under `keys` as of now; a request only if it is not what was read before."""
        known = self.stores.get(_RESOURCES[reference.kind], reference.namespace, reference.name)
        if known is None and self.lists_references:
            return Read("", "", None)
        before = memory.reads.get(reference)
        is_known = known is not None and before and _version(known) == (before.uid, before.resource_version)
        if is_known and before and keys <= before.keys:
            return before
        try:
            live = self.client.get(_RESOURCES[reference.kind], reference.namespace, reference.name)
        except NotFound:
            return Read("", "", None)
        found = memory.reads[reference] = Read(*_version(live), _content(live, keys), keys)
        return found

    def _config_secret(self, agent: CustomObject[VMAgentSpec], memory: Memory) -> ConfigSecret:
        """What the configuration Secret is to the agent, by a look at it unless it is surely ours to write.

        That it is not in the store proves nothing where it may be a user's: the event may be late, and a store of
        labelled objects never has it.
        """
        if not has_secrets(agent):
            return ConfigSecret()
        name = prefixed(agent)
        known = self.stores.get(resource.SECRETS, agent.namespace, name)
        if not is_unmanaged(agent) and (self.lists_references if known is None else is_ours(agent, known)):
            return ConfigSecret()
        before = memory.config_secret
        if known is None or before is None or _version(known) != _version(before):
            try:
                live = self.client.get(resource.SECRETS, agent.namespace, name)
            except NotFound:
                memory.config_secret = None
                return ConfigSecret()
            # Only the names of its keys matter; holding the configuration itself twice would be a waste.
            before = {"metadata": live["metadata"], "data": dict.fromkeys(live.get("data") or {}, "")}
            memory.config_secret = before
        return config_secret(agent, before)


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


def _fingerprint(
    agent: CustomObject[VMAgentSpec],
    selection: Selection,
    reads: Mapping[Reference, Read],
    server: Server,
    own_secret: ConfigSecret,
) -> bytes:
    digest = hashlib.sha256()
    own = (agent.metadata.uid, agent.metadata.generation, sorted(agent.metadata.annotations.items()))
    digest.update(repr((own, server, own_secret)).encode())
    for chosen in selection.chosen.values():
        for scrape in chosen:
            digest.update(_state(scrape))
    for reference, read in reads.items():
        digest.update(repr((reference, read.uid, read.resource_version)).encode())
    return digest.digest()


def _state(scrape: CustomObject[Any]) -> bytes:
    """What tells this state of a scrape object from others; made once for each."""
    known: bytes | None = scrape.memo.get(_state)
    if known is None:
        own = scrape.metadata
        state = own.uid and (own.uid, own.generation, own.annotations.get(SKIP_VALIDATION))
        text = repr((scrape.kind.name, scrape.key, state or json.dumps(to_json(scrape.spec))))
        known = scrape.memo[_state] = text.encode()
    return known

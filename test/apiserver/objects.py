"""Create, update and delete of one object: from a decoded body to the stored object, in the order of the real server.

Nothing here knows of requests, paths or formats; `api` does.
"""

import base64
import uuid
from collections.abc import Callable
from random import Random

from attrs import define, evolve, field, frozen

from test.apiserver import codec, failure, managed, rules, strategy
from test.apiserver.defaults import settle
from test.apiserver.failure import Failure
from test.apiserver.fieldset import Paths
from test.apiserver.kinds import Kind, counted
from test.apiserver.managed import Managers, Writer
from test.apiserver.services import Addresses
from test.apiserver.store import Json, Name, Store, clone

SYSTEM = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
PRECONDITIONS = (
    ("uid", "UID", "The object might have been deleted and then recreated"),
    ("resourceVersion", "ResourceVersion", "The object might have been modified"),
)


@frozen
class Context:
    """What a write carries besides the object.

    `subresource` is "" or `status` (others are turned into these by `api`); `validation` is Strict, Warn or Ignore.
    """

    manager: str
    operation: str = "Update"
    subresource: str = ""
    is_patch: bool = False
    is_dry: bool = False
    user: str = "admin"
    validation: str = "Warn"
    force: bool = False
    warnings: list[str] = field(factory=list, eq=False)


Transform = Callable[[Json], Json]
Hook = Callable[[str, Kind, Json | None, Json | None, Context], None]
"""Admission: (create, update or delete; kind; old; new; context); raises Failure to refuse."""


@define(eq=False)
class Objects:
    """The objects of a store, written by the rules. Every method raises Failure."""

    store: Store
    kinds: dict[tuple[str, str, str], Kind]
    addresses: Addresses = field(factory=Addresses)
    make_uid: Callable[[], str] = lambda: str(uuid.uuid4())
    random: Random = field(factory=Random)
    hooks: list[Hook] = field(factory=list)

    def get(self, kind: Kind, name: Name) -> Json:
        """The live object."""
        found = self.store.get(kind.storage, name)
        if found is None:
            raise failure.not_found(kind.group, kind.plural, name[1])
        return found

    def create(self, kind: Kind, namespace: str, body: Json, context: Context) -> Json:
        """Create an object; the stored one."""
        new = self.decode(kind, body, context)
        meta = self._metadata(kind, namespace, new)
        if meta.get("resourceVersion"):
            raise Failure(500, "InternalError", "resourceVersion should not be set on objects to be created")
        self._check_namespace(kind, namespace, meta["name"])
        for key in (*SYSTEM, "resourceVersion"):
            if key != "generation" or kind.generation:  # where the server does not count, it takes what it is given
                meta.pop(key, None)
        meta |= {"uid": self.make_uid(), "creationTimestamp": self.store.timestamp()}
        if kind.generation:
            meta["generation"] = 1
        entries = managed.read(meta.pop("managedFields", None)) or {}
        if kind.has_status and kind.name not in ("Namespace", "CustomResourceDefinition"):
            new.pop("status", None)
        new = self._prepared(kind, new, None)
        if context.operation == "Update":
            entries = self._updated(kind, None, new, entries, context)
        meta["managedFields"] = managed.write(entries)
        self._allocate(kind, new, None)
        return self._create(kind, (namespace, meta["name"]), new, context)

    def _create(self, kind: Kind, name: Name, new: Json, context: Context) -> Json:
        self._validate(kind, new, None)
        for hook in self.hooks:
            hook("create", kind, None, new, context)
        if self.store.get(kind.storage, name) is not None:
            raise failure.already_exists(kind.group, kind.plural, name[1])
        if context.is_dry:
            return new
        return self.store.put(kind.storage, name, new)

    def update(self, kind: Kind, name: Name, transform: Transform, context: Context) -> Json:
        """Replace the live object by what `transform` makes of it; a write that changes nothing is none."""
        live = self.get(kind, name)
        new = self.decode(kind, transform(clone(live)), context)
        meta = new.setdefault("metadata", {})
        self._same_object(kind, name, live["metadata"], meta, context)
        entries = managed.read(meta.get("managedFields"))
        if entries is None and meta.get("managedFields") != [{}]:
            entries = managed.read(live["metadata"].get("managedFields")) or {}
        new = self._successor(kind, live, new, context)
        entries = self._updated(kind, live, new, entries or {}, context)
        return self._replace(kind, name, live, new, entries, context)

    def apply(self, kind: Kind, name: Name, config: Json, context: Context) -> tuple[Json, bool]:
        """Server-side apply; the object, and whether it was created."""
        config = self.decode(kind, config, context, keeps_null=True)
        meta = config.setdefault("metadata", {})
        if meta.get("managedFields"):
            raise failure.bad_request("metadata.managedFields must be nil")
        live = self.store.get(kind.storage, name)
        writer = Writer(context.manager, "Apply", kind.api_version, context.subresource)
        if live is None:
            if context.subresource:
                raise failure.not_found(kind.group, kind.plural, name[1])
            if meta.get("uid"):
                text = (
                    f"uid mismatch: the provided object specified uid {meta['uid']}, and no existing object was found"
                )
                raise failure.conflict(kind.group, kind.plural, name[1], text)
            paths, entries = self._apply(kind, {}, config, {}, writer, context)
            paths.setdefault("metadata", {})["managedFields"] = managed.write(entries)
            paths["metadata"].pop("resourceVersion", None)  # only an object that exists has one to be compared with
            return self.create(kind, name[0], paths, evolve(context, operation="Apply")), True
        self._same_object(kind, name, live["metadata"], meta, context)
        entries = managed.read(live["metadata"].get("managedFields")) or self._before_first_apply(kind, live)
        merged, entries = self._apply(kind, live, config, entries, writer, context)
        new = self._successor(kind, live, self.decode(kind, merged, context), context)
        return self._replace(kind, name, live, new, entries, context), False

    def _apply(
        self, kind: Kind, live: Json, config: Json, entries: Managers, writer: Writer, context: Context
    ) -> tuple[Json, Managers]:
        is_kubectl = writer.manager == "kubectl"
        allowed: Paths = managed.last_applied(kind.node, live) if is_kubectl else frozenset()
        reset, now = strategy.reset(kind, context.subresource), self.store.timestamp()
        try:
            return managed.apply(kind.node, live, config, entries, writer, now, reset, context.force, allowed)
        except ValueError as error:
            raise _untyped(kind, config["metadata"], str(error)) from error

    def _before_first_apply(self, kind: Kind, live: Json) -> Managers:
        writer = Writer("before-first-apply", "Update", kind.api_version)
        return managed.update(kind.node, None, live, {}, writer, self.store.timestamp(), strategy.reset(kind))

    def delete(self, kind: Kind, name: Name, options: Json, context: Context) -> tuple[Json, bool]:
        """Delete an object, or mark it for deletion; its last state, and whether it is gone."""
        live = self.get(kind, name)
        meta = live["metadata"]
        for key, label, text in PRECONDITIONS:
            wanted = (options.get("preconditions") or {}).get(key)
            if wanted is not None and wanted != meta[key]:
                text = f"the {label} in the precondition ({wanted}) does not match the {label} in record ({meta[key]}). {text}"
                raise failure.conflict("", kind.name, name[1], text)
        for hook in self.hooks:
            hook("delete", kind, live, None, context)
        finalizers = strategy.finalizers(meta.get("finalizers") or [], options)
        lingers = (
            bool(finalizers) or kind.name == "Namespace" or bool(kind.name == "Pod" and live["spec"].get("nodeName"))
        )
        seconds = options.get("gracePeriodSeconds")
        if kind.name == "Pod" and not finalizers and seconds == 0:
            lingers = False
        if context.is_dry:
            return live, not lingers
        if not lingers:
            return self.remove(kind, name), True
        if meta.get("deletionTimestamp") and finalizers == (meta.get("finalizers") or []):
            return live, False
        grace = (
            live["spec"].get("terminationGracePeriodSeconds", 30)
            if kind.name == "Pod" and seconds is None
            else seconds or 0
        )
        marked = clone(live)
        marked["metadata"] |= {"deletionTimestamp": meta.get("deletionTimestamp") or self.store.timestamp(),
                               "deletionGracePeriodSeconds": grace}  # fmt: skip
        if finalizers:
            marked["metadata"]["finalizers"] = finalizers
        if kind.generation:
            marked["metadata"]["generation"] = meta.get("generation", 0) + 1
        if kind.name == "Namespace":
            marked["status"] = {"phase": "Terminating"}
        return self.store.put(kind.storage, name, marked), False

    def remove(self, kind: Kind, name: Name) -> Json:
        """Take an object out of the store; its last state."""
        old = self.store.remove(kind.storage, name)
        if kind.name == "Service" and not kind.is_custom:
            self.addresses.release(old)
        return old

    def decode(self, kind: Kind, body: Json, context: Context, keeps_null: bool = False) -> Json:
        """A body in the shape of its kind; with `keeps_null`, nulls as values of their own, which apply can own."""
        if (body.get("kind"), body.get("apiVersion")) != (kind.name, kind.api_version):
            given = f"{body.get('apiVersion', '')}, Kind={body.get('kind', '')}"
            text = f"the object provided is unrecognized (must be of type {kind.name}): {given}"
            raise failure.bad_request(text)
        decoder = codec.Decoder(not kind.is_custom, keeps_null or kind.is_custom)
        try:
            found: Json = decoder.decode(kind.node, body)
            # metadata is the server's own type in custom resources too
            meta = codec.Decoder(True, keeps_null).decode(
                kind.node.fields["metadata"], body.get("metadata"), "metadata"
            )
        except codec.DecodeError as error:
            text = f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: {error}'
            raise failure.bad_request(text) from error
        if decoder.unknown and context.validation == "Strict":
            text = ", ".join(f'unknown field "{path}"' for path in decoder.unknown)
            raise failure.bad_request(f"strict decoding error: {text}")
        if decoder.unknown and keeps_null:
            raise _untyped(kind, meta or {}, f".{decoder.unknown[0]}: field not declared in schema")
        if context.validation == "Warn":
            context.warnings.extend(f'unknown field "{path}"' for path in decoder.unknown)
        return found | {"metadata": meta or {}}

    def revive(self, kind: Kind, body: Json, context: Context) -> Json:
        """An object with defaults filled in, its status dropped, and nothing else done to it."""
        found = self.decode(kind, body, context)
        found.pop("status", None)
        found = self._prepared(kind, found, None)
        self._allocate(kind, found, found)
        return found

    def _metadata(self, kind: Kind, namespace: str, new: Json) -> Json:
        meta: Json = new["metadata"]
        given = meta.get("namespace")
        if given and given != namespace:
            text = "the namespace of the provided object does not match the namespace sent on the request"
            raise failure.bad_request(text)
        if kind.is_namespaced:
            meta["namespace"] = namespace
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"][:58] + "".join(self.random.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
        if not meta.get("name"):
            text = "Required value: name or generateName is required"
            raise failure.invalid(kind.group, kind.name, "", [("FieldValueRequired", "metadata.name", text)])
        return meta

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        if not kind.is_namespaced:
            return
        found = self.store.get("namespaces", ("", namespace))
        if found is None:
            raise failure.not_found("", "namespaces", namespace)
        if found["metadata"].get("deletionTimestamp"):
            text = f"unable to create new content in namespace {namespace} because it is being terminated"
            refused = failure.forbidden(kind.group, kind.plural, name, text)
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            refused.body["details"]["causes"] = [cause]
            raise refused

    def _same_object(self, kind: Kind, name: Name, live: Json, given: Json, context: Context) -> None:
        if given.get("name", name[1]) != name[1]:
            text = f"the name of the object ({given['name']}) does not match the name on the URL ({name[1]})"
            raise failure.bad_request(text)
        if given.get("namespace", name[0]) != name[0]:
            text = f"the namespace of the object ({given['namespace']}) does not match the namespace on the URL ({name[0]})"
            raise failure.bad_request(text)
        is_other = given.get("uid", "") not in ("", live["uid"])
        if is_other and not context.is_patch:
            text = f"Precondition failed: UID in precondition: {given['uid']}, UID in object meta: {live['uid']}"
            raise failure.conflict(kind.group, kind.plural, name[1], text)
        if given.get("resourceVersion") not in (None, "", "0", live["resourceVersion"]):
            raise failure.conflict(kind.group, kind.plural, name[1])
        if is_other:
            fault = ("FieldValueInvalid", "metadata.uid", f'Invalid value: "{given["uid"]}": field is immutable')
            raise failure.invalid(kind.group, kind.name, name[1], [fault, fault])

    def _successor(self, kind: Kind, live: Json, new: Json, context: Context) -> Json:
        """`new` with what this endpoint may not change taken from `live`."""
        if context.subresource == "status":
            new = strategy.with_status(kind, live, new)
        elif kind.has_status:
            new.pop("status", None)
            if "status" in live:
                new["status"] = clone(live["status"])
        meta, old = new["metadata"], live["metadata"]
        meta |= {"name": old["name"], "resourceVersion": old["resourceVersion"]}
        if "namespace" in old:
            meta["namespace"] = old["namespace"]
        for key in SYSTEM:
            meta.pop(key, None)
            if key in old:
                meta[key] = old[key]
        new = self._prepared(kind, new, live)
        if kind.generation and not context.subresource and counted(kind, new) != counted(kind, live):
            meta["generation"] = old.get("generation", 0) + 1
        return new

    def _prepared(self, kind: Kind, new: Json, live: Json | None) -> Json:
        """Defaults, canonical forms and what the server allocates."""
        if kind.is_custom:
            meta = settle(kind.node.fields["metadata"], new["metadata"])
            filled: Json = codec.fill(kind.node, new)
            return filled | {"metadata": meta}
        if kind.name == "Secret":
            for key, text in (new.pop("stringData", None) or {}).items():
                new["data"] = (new.get("data") or {}) | {key: base64.b64encode(text.encode()).decode()}
        settled: Json = settle(kind.node, new)
        if kind.name == "Namespace":
            settled["spec"].setdefault("finalizers", ["kubernetes"])
        if kind.name == "DaemonSet":
            strategy.count_template(settled, live)
        return settled

    def _allocate(self, kind: Kind, new: Json, live: Json | None) -> None:
        """What the server adds on its own account: nobody owns it in managedFields."""
        if kind.is_custom:
            return
        if kind.name == "Service":
            self.addresses.assign(new, live)
        if kind.name == "PersistentVolumeClaim" and live is None:
            new["metadata"]["finalizers"] = [*new["metadata"].get("finalizers", ()), "kubernetes.io/pvc-protection"]
            if "storageClassName" not in new["spec"]:
                self._default_class(new["spec"])

    def _default_class(self, spec: Json) -> None:
        for (_, name), found in self.store.items("storageclasses.storage.k8s.io"):
            if (found["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true":
                spec["storageClassName"] = name

    def _updated(self, kind: Kind, live: Json | None, new: Json, entries: Managers, context: Context) -> Managers:
        writer = Writer(context.manager, "Update", kind.api_version, context.subresource)
        try:
            return managed.update(
                kind.node, live, new, entries, writer, self.store.timestamp(), strategy.reset(kind, context.subresource)
            )
        except ValueError:
            return entries  # a list without its keys; validation says so in better words

    def _replace(self, kind: Kind, name: Name, live: Json, new: Json, entries: Managers, context: Context) -> Json:
        new["metadata"]["managedFields"] = managed.write(entries)
        self._allocate(kind, new, live)
        self._validate(kind, new, live)
        if not new["metadata"]["managedFields"]:
            del new["metadata"]["managedFields"]
        if new == live:
            return live
        for hook in self.hooks:
            hook("update", kind, live, new, context)
        if context.is_dry:
            return new
        if (
            new["metadata"].get("deletionTimestamp")
            and not new["metadata"].get("finalizers")
            and not strategy.waits(kind, new)
        ):
            self.store.put(kind.storage, name, new)
            return self.remove(kind, name)
        return self.store.put(kind.storage, name, new)

    def _validate(self, kind: Kind, new: Json, old: Json | None) -> None:
        found = list(rules.faults(kind, new, old))
        if kind.is_custom:
            found += codec.validate(kind.node, new)
        if found:
            raise failure.invalid(kind.group, kind.name, new["metadata"]["name"], found)


def _untyped(kind: Kind, meta: Json, text: str) -> Failure:
    what = f"{meta.get('namespace', '')}/{meta.get('name', '')}; {kind.api_version}, Kind={kind.name}"
    return Failure(500, "InternalError", f"failed to create typed patch object ({what}): {text}")

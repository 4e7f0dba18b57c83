"""The API as a function from a raw request to an answer: routing, negotiation and the verbs.

`Api` holds the whole server but its faces; `memory` and `http` call `handle` with its lock held.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from test.apiserver import aliases, discovery, failure, kinds, patch, reviews, routes, subresources, views
from test.apiserver import watch as watching
from test.apiserver.collector import Collector
from test.apiserver.definitions import Definitions
from test.apiserver.failure import Failure, status
from test.apiserver.faults import Fault, Script
from test.apiserver.kinds import Kind
from test.apiserver.objects import Context, Objects
from test.apiserver.routes import APPLY_TYPES, PATCH_TYPES, Raw, Request
from test.apiserver.store import Json, Store
from test.apiserver.strategy import ANSWER_WITH_OBJECT
from test.apiserver.workloads import Workloads

if TYPE_CHECKING:
    from test.apiserver.rbac import Authorizer

READING = ("get", "list", "watch")
MOST_ROUNDS = 1000
DEFAULT_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


@frozen
class Answer:
    """What goes back: a document, plain text, or an open watch."""

    code: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(factory=dict)
    watch: watching.Watch | None = None
    fault: Fault | None = None


def document(value: Any, code: int = 200, warnings: list[str] | None = None) -> Answer:
    """A JSON answer; warnings become headers."""
    headers = {"content-type": "application/json"}
    if warnings:
        headers["warning"] = ", ".join(
            f'299 - "{text}"'.replace('"' + text, '"' + text.replace('"', '\\"')) for text in warnings
        )
    return Answer(code, json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), headers)


@define(eq=False, repr=False)
class Api:
    """One API server. `version` is what it claims to be."""

    store: Store = field(factory=Store)
    version: tuple[int, int] = (1, 36)
    faults: Script = field(factory=Script)
    guards: list[Callable[[Request], None]] = field(factory=list)
    served: dict[tuple[str, str, str], Kind] = field(factory=dict)
    watches: list[watching.Watch] = field(factory=list)
    authorizer: "Authorizer | None" = None
    objects: Objects = field(init=False)
    definitions: Definitions = field(init=False)
    collector: Collector = field(init=False)
    workloads: Workloads = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.objects = Objects(self.store, self.served)
        self.definitions = Definitions(self)
        self.collector = Collector(self.objects)
        self.workloads = Workloads(self.objects)
        for kind in kinds.builtins():
            self.served[kind.group, kind.version, kind.plural] = kind
        self.definitions.reload()
        for name in DEFAULT_NAMESPACES:
            if self.store.get("namespaces", ("", name)) is None:
                self.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def replica(self) -> "Api":
        """A second server over the same objects that stands still; `follow` lets it catch up. For reading only."""
        return Api(store=self.store.fork(), version=self.version)

    def follow(self, primary: "Api", version: int | None = None) -> None:
        """Catch up with `primary`, up to `version` or all the way."""
        self.store.follow(primary.store, version)
        self.definitions.step()

    def settle(self) -> None:
        """Let the controllers work until nothing is left to do."""
        with self.store.lock:
            for _ in range(MOST_ROUNDS):
                if not any([self.definitions.step(), self.collector.step(), self.workloads.step()]):
                    return
            raise AssertionError("the controllers do not come to rest")

    def tick(self) -> None:
        """Time has passed: let the controllers look again."""
        with self.store.lock:
            self.workloads.look()
            self.settle()

    def bookmark(self) -> None:
        """Send a bookmark to every watch that wants them."""
        with self.store.lock:
            for one in self.watches:
                one.bookmark()
            self.store.lock.notify_all()

    def kind(self, api_version: str, name: str) -> Kind:
        """The served kind of a manifest. Raises Failure if there is none."""
        for kind in self.served.values():
            if (kind.api_version, kind.name) == (api_version, name):
                return kind
        raise failure.unknown_resource()

    def by_storage(self, storage: str) -> Kind | None:
        """Any served version of a stored resource."""
        return next((kind for kind in self.served.values() if kind.storage == storage), None)

    def add(self, manifest: Json, manager: str = "test") -> Json:
        """Create an object from a manifest, as a client would; the stored one."""
        kind = self.kind(manifest["apiVersion"], manifest["kind"])
        namespace = manifest["metadata"].get("namespace", "default") if kind.is_namespaced else ""
        return self.objects.create(kind, namespace, manifest, Context(manager))

    def handle(self, raw: Raw) -> Answer:
        """The answer to a request, and what its face should do to it."""
        if not aliases.concerns(raw):
            return self._handle(raw)
        answer = self._handle(aliases.inward(raw))
        if answer.watch is not None:
            answer.watch.spelled = aliases.outward
        return evolve(answer, body=aliases.outward(answer.body) if answer.body[:1] == b"{" else answer.body)

    def _handle(self, raw: Raw) -> Answer:
        with self.store.lock:
            try:
                found = discovery.answer(self, raw)
                if found is not None:
                    return _unbound(found)
                request = routes.resolve(raw, self.served)
                if request is None:
                    return self._nowhere(raw)
            except Failure as refused:
                return _refusal(refused)
            fault = self.faults.next(request)
            answer = Answer() if fault is not None and fault.prevents else self._carried_out(request)
            return answer if fault is None else _spoilt(answer, fault)

    def _nowhere(self, raw: Raw) -> Answer:
        """404: text for a group that is not built in, a Status for a resource missing in one that is."""
        found = routes.split(raw.path)
        if any(
            not kind.is_custom and found and (kind.group, kind.version) == found[:2] for kind in self.served.values()
        ):
            return _refusal(failure.unknown_resource())
        return Answer(404, b"404 page not found\n", {"content-type": "text/plain; charset=utf-8"})

    def _carried_out(self, request: Request) -> Answer:
        try:
            for guard in self.guards:
                guard(request)
            return self._dispatch(request)
        except Failure as refused:
            return _refusal(refused)
        finally:
            if request.verb not in READING:
                self.settle()

    def _dispatch(self, request: Request) -> Answer:
        if request.kind.name in reviews.KINDS:
            return reviews.answer(self, request)
        if request.subresource not in ("", "status"):
            return subresources.answer(self, request)
        verbs: dict[str, Callable[[Request], Answer]] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }
        if (
            request.verb not in verbs
            or (request.name and request.verb == "create")
            or (not request.name and request.verb in ("update", "patch"))
        ):
            raise failure.method_not_allowed()
        if request.subresource and request.verb not in ("get", "update", "patch"):
            raise failure.method_not_allowed()
        return verbs[request.verb](request)

    def _get(self, request: Request) -> Answer:
        wanted = views.form(request.raw.headers.get("accept", ""))
        watching.version(self.store, request.raw.query.get("resourceVersion", ""))
        return document(views.one(request.kind, self.objects.get(request.kind, request.key), wanted, self.store.now()))

    def _list(self, request: Request) -> Answer:
        wanted = views.form(request.raw.headers.get("accept", ""))
        values, meta = watching.page(self.store, request)
        include = request.raw.query.get("includeObject", "Metadata")
        return document(views.listing(request.kind, values, meta, wanted, include, self.store.now()))

    def _watch(self, request: Request) -> Answer:
        found = watching.opened(self.store, request)
        self.watches = [one for one in self.watches if not one.is_over]
        self.watches.append(found)
        return Answer(200, b"", {"content-type": "application/json"}, found)

    def _create(self, request: Request) -> Answer:
        context = self.context(request)
        created = self.objects.create(request.kind, request.namespace, request.body(), context)
        return self.written(request, created, context, 201)

    def _update(self, request: Request) -> Answer:
        context, body = self.context(request), request.body()
        if not body.get("metadata", {}).get("name"):
            raise failure.bad_request("name must be provided")
        if request.kind.is_custom and not body["metadata"].get("resourceVersion"):
            text = "Invalid value: 0: must be specified for an update"
            fault = ("FieldValueInvalid", "metadata.resourceVersion", text)
            raise failure.invalid(request.kind.group, request.kind.plural, request.name, [fault])
        updated = self.objects.update(request.kind, request.key, lambda live: body, context)
        return self.written(request, updated, context)

    def _patch(self, request: Request) -> Answer:
        context = self.context(request)
        if request.content_type in APPLY_TYPES:
            return self._apply(request, context)
        updated = self.objects.update(request.kind, request.key, self.patcher(request), context)
        return self.written(request, updated, context)

    def patcher(self, request: Request) -> Callable[[Json], Json]:
        """What a patch request does to a live object. Raises Failure."""
        media, body = request.content_type, routes.parsed(request.raw.body)
        if media not in PATCH_TYPES or (request.kind.is_custom and media.startswith("application/strategic")):
            accepted = [one for one in PATCH_TYPES if not (request.kind.is_custom and "strategic" in one)]
            raise failure.unsupported_media_type(media, accepted)
        apply: dict[str, Callable[[Any], Any]] = {
            PATCH_TYPES[0]: lambda live: patch.json_patch(live, body),
            PATCH_TYPES[1]: lambda live: patch.merge_patch(live, body),
            PATCH_TYPES[2]: lambda live: patch.strategic(request.kind.node, live, body),
        }

        def transform(live: Json) -> Json:
            try:
                changed: Json = apply[media](views.typed(request.kind, live))
            except patch.PatchError as error:
                raise Failure(
                    422, "Invalid", "the server rejected our request due to an error in our request", {}
                ) from error
            return changed

        return transform

    def _apply(self, request: Request, context: Context) -> Answer:
        config = routes.parsed(request.raw.body)
        if not request.raw.query.get("fieldManager"):
            fault = ("FieldValueRequired", "fieldManager", "Required value: is required for apply patch")
            raise failure.invalid("meta.k8s.io", "PatchOptions", "", [fault])
        if not isinstance(config, dict):
            raise failure.bad_request("error decoding patch: the body is no object")
        context = evolve(context, force=request.flag("force"), operation="Apply")
        applied, is_new = self.objects.apply(request.kind, request.key, config, context)
        return self.written(request, applied, context, 201 if is_new else 200)

    def _delete(self, request: Request) -> Answer:
        options = self._delete_options(request)
        context = evolve(self.context(request), is_dry=_is_dry(request, options))
        value, is_gone = self.objects.delete(request.kind, request.key, options, context)
        if not is_gone or request.kind.name in ANSWER_WITH_OBJECT:
            return document(views.typed(request.kind, value))
        kind, meta = request.kind, value["metadata"]
        details = {"name": meta["name"], "group": kind.group, "kind": kind.plural, "uid": meta["uid"]}
        return document(status(200, "", "", {key: part for key, part in details.items() if part}) | {"code": 200})

    def _delete_options(self, request: Request) -> Json:
        options: Json = request.body() if request.raw.body.strip() else {}
        query = request.raw.query
        if "propagationPolicy" in query:
            options["propagationPolicy"] = query["propagationPolicy"]
        if "gracePeriodSeconds" in query:
            options["gracePeriodSeconds"] = int(query["gracePeriodSeconds"])
        return options

    def _delete_collection(self, request: Request) -> Answer:
        values, meta = watching.page(self.store, request)
        options = self._delete_options(request)
        for value in values:
            key = (value["metadata"].get("namespace", ""), value["metadata"]["name"])
            self.objects.delete(
                request.kind, key, options, evolve(self.context(request), is_dry=_is_dry(request, options))
            )
        return document(views.listing(request.kind, values, meta, "", "", self.store.now()))

    def context(self, request: Request) -> Context:
        """How a request writes."""
        query = request.raw.query
        agent = request.raw.headers.get("user-agent", "unknown").partition("/")[0]
        return Context(
            query.get("fieldManager") or agent,
            subresource=request.subresource,
            user=request.raw.user,
            is_patch=request.verb == "patch",
            is_dry=_is_dry(request, {}),
            validation=query.get("fieldValidation") or "Warn",
        )

    def written(self, request: Request, value: Json, context: Context, code: int = 200) -> Answer:
        """The answer to a write."""
        wanted = views.form(request.raw.headers.get("accept", ""))
        return document(views.one(request.kind, value, wanted, self.store.now()), code, context.warnings)


def _unbound(found: Json | bytes) -> Answer:
    """The answer with discovery, OpenAPI or health."""
    if isinstance(found, bytes):
        return Answer(200, found, {"content-type": "text/plain"})
    is_aggregated = found.get("kind") == "APIGroupDiscoveryList"
    return evolve(
        document(found), headers={"content-type": discovery.AGGREGATED if is_aggregated else "application/json"}
    )


def _refusal(refused: Failure) -> Answer:
    answer = document(refused.body, refused.code)
    return evolve(answer, headers=answer.headers | {key.lower(): value for key, value in refused.headers.items()})


def _spoilt(answer: Answer, fault: Fault) -> Answer:
    """An answer with a fault: its status instead of the answer's; the rest is for the face to do."""
    if not fault.status:
        return evolve(answer, fault=fault)
    body = fault.body
    if body is None:
        body = document(status(fault.status, fault.reason, "fault injected")).body
    headers = {"content-type": "application/json"} | {name.lower(): value for name, value in fault.headers.items()}
    return Answer(fault.status, body, headers, fault=fault)


def _is_dry(request: Request, options: Json) -> bool:
    return request.raw.query.get("dryRun") == "All" or options.get("dryRun") == ["All"]

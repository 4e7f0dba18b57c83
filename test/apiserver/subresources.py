"""scale, eviction and log: subresources whose body is not the object."""

from typing import TYPE_CHECKING, Any

from test.apiserver import failure
from test.apiserver.pods import is_ready
from test.apiserver.quantity import amount
from test.apiserver.routes import Request
from test.apiserver.selectors import matches
from test.apiserver.store import Json

if TYPE_CHECKING:
    from test.apiserver.api import Answer, Api

BUILTIN_SCALE = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}


def answer(api: "Api", request: Request) -> "Answer":
    """The answer for a subresource of its own type. Raises Failure."""
    if request.subresource == "scale":
        return _scale(api, request)
    if request.subresource == "eviction" and request.verb == "create":
        return _evict(api, request)
    if request.subresource == "log" and request.verb == "get":
        raise _no_log(api, request)
    raise failure.method_not_allowed()


def _no_log(api: "Api", request: Request) -> failure.Failure:
    """What the real server says of a container that has not started: here none ever does."""
    pod = api.objects.get(request.kind, request.key)
    name = request.raw.query.get("container") or pod["spec"]["containers"][0]["name"]
    text = f'container "{name}" in pod "{request.name}" is waiting to start: no container runs on this API server'
    return failure.bad_request(text)


def _at(value: Any, path: str) -> Any:
    for key in path.strip(".").split("."):
        value = (value or {}).get(key)
    return value


def scale_of(request: Request, value: Json) -> Json:
    """The Scale of an object, by the paths of its kind."""
    paths = request.kind.scale or BUILTIN_SCALE
    meta = {key: value["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")}
    status: Json = {"replicas": _at(value, paths["statusReplicasPath"]) or 0}
    labels = _at(value, paths["labelSelectorPath"]) if "labelSelectorPath" in paths else None
    if not request.kind.is_custom:
        labels = ",".join(f"{key}={part}" for key, part in (value["spec"]["selector"].get("matchLabels") or {}).items())
    if labels:
        status["selector"] = labels
    replicas = _at(value, paths["specReplicasPath"])
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec, "status": status}


def _scale(api: "Api", request: Request) -> "Answer":
    from test.apiserver.api import document
    from test.apiserver.patch import json_patch, merge_patch
    from test.apiserver.routes import parsed

    live = api.objects.get(request.kind, request.key)
    scale = scale_of(request, live)
    if request.verb == "get":
        return document(scale)
    if request.verb == "patch":
        body = parsed(request.raw.body)
        scale = json_patch(scale, body) if isinstance(body, list) else merge_patch(scale, body)
    elif request.verb == "update":
        scale = request.body()
    else:
        raise failure.method_not_allowed()
    path = (request.kind.scale or BUILTIN_SCALE)["specReplicasPath"].strip(".").split(".")
    count = scale.get("spec", {}).get("replicas", 0)
    if count < 0:
        fault = ("FieldValueInvalid", "spec.replicas", f"Invalid value: {count}: must be greater than or equal to 0")
        raise failure.invalid("autoscaling", "Scale", request.name, [fault])

    def transform(value: Json) -> Json:
        if scale["metadata"].get("resourceVersion"):
            value["metadata"]["resourceVersion"] = scale["metadata"]["resourceVersion"]
        at = value
        for key in path[:-1]:
            at = at.setdefault(key, {})
        at[path[-1]] = count
        return {"kind": request.kind.name, "apiVersion": request.kind.api_version} | value

    from attrs import evolve

    context = evolve(api.context(request), subresource="")
    return document(scale_of(request, api.objects.update(request.kind, request.key, transform, context)))


def _evict(api: "Api", request: Request) -> "Answer":
    from test.apiserver.api import document

    body = request.body()
    pod = api.objects.get(request.kind, request.key)
    labels = pod["metadata"].get("labels") or {}
    for _, budget in api.store.items("poddisruptionbudgets.policy"):
        meta = budget["metadata"]
        if (
            meta["namespace"] == request.namespace
            and matches(budget["spec"].get("selector") or {}, labels)
            and not _allows(api, budget)
        ):
            text = "Cannot evict pod as it would violate the pod's disruption budget."
            cause = {
                "reason": "DisruptionBudget",
                "message": f"The disruption budget {meta['name']} needs more healthy pods",
            }
            raise failure.too_many_requests(text, 0, [cause])
    api.objects.delete(request.kind, request.key, body.get("deleteOptions") or {}, api.context(request))
    return document(failure.status(201, "", ""), 201)


def _allows(api: "Api", budget: Json) -> bool:
    """Whether one more of the budget's pods may go now."""
    spec, namespace = budget["spec"], budget["metadata"]["namespace"]
    pods = [pod for (found, _), pod in api.store.items("pods")
            if found == namespace and matches(spec.get("selector") or {}, pod["metadata"].get("labels") or {})]  # fmt: skip
    healthy = sum(1 for pod in pods if is_ready(pod))
    if "maxUnavailable" in spec:
        return len(pods) - healthy < _share(spec["maxUnavailable"], len(pods))
    return healthy > _share(spec.get("minAvailable", 0), len(pods))


def _share(value: int | str, total: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return -(-total * int(value[:-1]) // 100)
    return int(amount(str(value)))

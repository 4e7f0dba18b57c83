"""Access reviews: what `kubectl auth can-i` asks. Without an authorizer everybody may do everything."""

from typing import TYPE_CHECKING

from test.apiserver import failure
from test.apiserver.routes import Request
from test.apiserver.store import Json

if TYPE_CHECKING:
    from test.apiserver.api import Answer, Api

KINDS = ("SelfSubjectAccessReview", "SubjectAccessReview", "SelfSubjectRulesReview")
EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def answer(api: "Api", request: Request) -> "Answer":
    """The review with its status. Raises Failure: a review is created, and not kept."""
    from test.apiserver.api import document

    if request.verb != "create":
        raise failure.method_not_allowed()
    body = request.body()
    spec = body.get("spec") or {}
    if request.kind.name == "SelfSubjectRulesReview":
        status = _rules(api, request.raw.user, spec.get("namespace", ""))
    else:
        status = {"allowed": _is_allowed(api, spec.get("user") or request.raw.user, spec)}
    head = {"kind": request.kind.name, "apiVersion": request.kind.api_version, "metadata": {}}
    return document(head | {"spec": spec, "status": status}, 201)


def _is_allowed(api: "Api", user: str, spec: Json) -> bool:
    from test.apiserver.rbac import Action

    if api.authorizer is None:
        return True
    if "nonResourceAttributes" in spec:
        return api.authorizer.may_read(user, spec["nonResourceAttributes"].get("path", ""))
    asked = spec.get("resourceAttributes") or {}
    resource = "/".join(filter(None, (asked.get("resource", ""), asked.get("subresource", ""))))
    parts = [asked.get(key, "") for key in ("namespace", "name")]
    return api.authorizer.allows(user, Action(asked.get("verb", ""), asked.get("group", ""), resource, *parts))


def _rules(api: "Api", user: str, namespace: str) -> Json:
    from test.apiserver.rbac import ADMIN

    if api.authorizer is None or user == ADMIN:
        resource, other = [EVERYTHING], [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    else:
        found = [granted.rule for granted in api.authorizer.rules(user, namespace)]
        resource = [rule for rule in found if rule.get("resources")]
        other = [rule for rule in found if rule.get("nonResourceURLs")]
    return {"resourceRules": resource, "nonResourceRules": other, "incomplete": False}

"""Role-based access control as the server does it, with the escalation check and a record of the rules that were used.

Off by default: `Authorizer(api).install()` turns it on. Users are `admin` (may do all), `system:serviceaccount:ns:name`, or any name.
"""

from collections.abc import Iterator
from itertools import product

from attrs import define, field, frozen

from test.apiserver import failure
from test.apiserver.api import Api
from test.apiserver.kinds import Kind
from test.apiserver.objects import Context
from test.apiserver.routes import APPLY_TYPES, Request
from test.apiserver.store import Json

GROUP = "rbac.authorization.k8s.io"
ACCOUNT = "system:serviceaccount:"
ADMIN = "admin"


@frozen
class Action:
    """Something that a rule may allow; `resource` may have a subresource, `namespace` "" is the whole cluster."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


@frozen
class Granted:
    """A rule that a user has, and where it stands: `ClusterRole x`, `Role ns/x`, and its index there."""

    source: str
    index: int
    rule: Json

    def allows(self, action: Action) -> bool:
        """Whether the rule covers this action."""
        rule, resource, _, sub = self.rule, *action.resource.partition("/")
        names = rule.get("resourceNames") or ()
        return (
            bool({"*", action.verb} & set(rule.get("verbs") or ()))
            and bool({"*", action.group} & set(rule.get("apiGroups") or ()))
            and bool({"*", action.resource, f"*/{sub}" if sub else resource} & set(rule.get("resources") or ()))
            and (not names or action.name in names)
        )


def groups(user: str) -> list[str]:
    """The groups of a user."""
    if not user.startswith(ACCOUNT):
        return ["system:authenticated"]
    return ["system:serviceaccounts", f"system:serviceaccounts:{user.split(':')[2]}", "system:authenticated"]


@define(eq=False)
class Authorizer:
    """Guards an `api`. `used` holds (source, index) of every rule that has allowed something, `refused` what was not."""

    api: Api
    used: set[tuple[str, int]] = field(factory=set)
    refused: list[tuple[str, Action]] = field(factory=list)

    def install(self) -> None:
        """Guard the api from now on."""
        self.api.authorizer = self
        self.api.guards.append(self.check)
        self.api.objects.hooks.append(self.check_grant)

    def check(self, request: Request) -> None:
        """Raises Failure 403 if the user may not do what is asked; what one may do oneself, everybody may ask."""
        if request.kind.plural.startswith("selfsubject"):
            return
        actions = [self._action(request, request.verb)]
        if request.content_type in APPLY_TYPES and self.api.store.get(request.kind.storage, request.key) is None:
            actions.append(self._action(request, "create"))
        for action in actions:
            if not self.may(request.raw.user, action):
                self.refused.append((request.raw.user, action))
                place = f'in the namespace "{action.namespace}"' if action.namespace else "at the cluster scope"
                text = f'User "{request.raw.user}" cannot {action.verb} resource "{action.resource}" in API group "{action.group}" {place}'
                raise failure.forbidden(action.group, request.kind.plural, request.name, text)

    def may(self, user: str, action: Action) -> bool:
        """Whether a user may do something; the first rule that allows it counts as used."""
        if user == ADMIN:
            return True
        for granted in self.rules(user, action.namespace):
            if granted.allows(action):
                self.used.add((granted.source, granted.index))
                return True
        return False

    def allows(self, user: str, action: Action) -> bool:
        """What `may` says, without a trace: somebody only asks."""
        return user == ADMIN or any(granted.allows(action) for granted in self.rules(user, action.namespace))

    def may_read(self, user: str, url: str) -> bool:
        """Whether a user may see a path that is no resource."""
        return user == ADMIN or any(_has_url(granted.rule, url) for granted in self.rules(user, ""))

    def rules(self, user: str, namespace: str) -> Iterator[Granted]:
        """The rules of a user in a namespace: the cluster's first."""
        for _, binding in self.api.store.items(f"clusterrolebindings.{GROUP}"):
            if _binds(binding, user):
                yield from self._role(binding["roleRef"], "")
        for (inner, _), binding in self.api.store.items(f"rolebindings.{GROUP}"):
            if namespace and inner == namespace and _binds(binding, user):
                yield from self._role(binding["roleRef"], namespace)

    def check_grant(self, verb: str, kind: Kind, old: Json | None, new: Json | None, context: Context) -> None:
        """Raises Failure 403 for a role or binding that gives more than its writer has."""
        if kind.group != GROUP or new is None or context.user == ADMIN:
            return
        is_role = "roleRef" not in new
        if is_role and (old or {}).get("rules") == new.get("rules"):
            return
        namespace, name = new["metadata"].get("namespace", ""), new["metadata"]["name"]
        target = name if is_role else new["roleRef"]["name"]
        plural = kind.plural if is_role else f"{new['roleRef']['kind'].lower()}s"
        if self.may(context.user, Action("escalate" if is_role else "bind", GROUP, plural, namespace, target)):
            return
        wanted = (new.get("rules") or []) if is_role else [one.rule for one in self._role(new["roleRef"], namespace)]
        missing = [rule for rule in wanted if not self._covers(context.user, rule, namespace)]
        if missing:
            shown = "\n".join(_shown(rule) for rule in missing)
            text = f'user "{context.user}" (groups={_quoted(groups(context.user))}) is attempting to grant RBAC permissions not currently held:\n'
            raise failure.forbidden(kind.group, kind.plural, name, text + shown)

    def _covers(self, user: str, rule: Json, namespace: str) -> bool:
        held = list(self.rules(user, namespace))
        urls = all(
            any({"*", verb} & set(one.rule.get("verbs") or ()) and _has_url(one.rule, url) for one in held)
            for verb, url in product(rule.get("verbs") or (), rule.get("nonResourceURLs") or ())
        )
        parts = product(
            rule.get("verbs") or (),
            rule.get("apiGroups") or (),
            rule.get("resources") or (),
            rule.get("resourceNames") or ("",),
        )
        return urls and all(any(one.allows(Action(*part[:3], namespace, part[3])) for one in held) for part in parts)

    def _role(self, reference: Json, namespace: str) -> Iterator[Granted]:
        is_cluster = reference["kind"] == "ClusterRole"
        plural, inner = ("clusterroles", "") if is_cluster else ("roles", namespace)
        role = self.api.store.get(f"{plural}.{GROUP}", (inner, reference["name"]))
        source = f"ClusterRole {reference['name']}" if is_cluster else f"Role {namespace}/{reference['name']}"
        for index, rule in enumerate((role or {}).get("rules") or ()):
            yield Granted(source, index, rule)

    def _action(self, request: Request, verb: str) -> Action:
        resource = request.kind.plural + (f"/{request.subresource}" if request.subresource else "")
        return Action(verb, request.kind.group, resource, request.namespace, request.name)


def _binds(binding: Json, user: str) -> bool:
    """Whether a binding is about this user."""
    for subject in binding.get("subjects") or ():
        if subject["kind"] == "ServiceAccount":
            space = subject.get("namespace") or binding["metadata"].get("namespace", "")
            if user == f"{ACCOUNT}{space}:{subject['name']}":
                return True
        elif subject["name"] == user if subject["kind"] == "User" else subject["name"] in groups(user):
            return True
    return False


def _has_url(rule: Json, url: str) -> bool:
    return any(
        one in ("*", url) or (one.endswith("*") and url.startswith(one[:-1]))
        for one in rule.get("nonResourceURLs") or ()
    )


def _quoted(texts: list[str]) -> str:
    return "[" + " ".join(f'"{text}"' for text in texts) + "]"


def _shown(rule: Json) -> str:
    """A rule as the server's message spells it."""
    titles = (
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("ResourceNames", "resourceNames"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("Verbs", "verbs"),
    )
    return "{" + ", ".join(f'{title}:["' + '" "'.join(rule[key]) + '"]' for title, key in titles if rule.get(key)) + "}"

"""Security contexts of the pod and of the operator's containers; user containers get none.

`securityContext` of a component is one object for both; any, even an empty one, takes the place of the strict defaults.
"""

from vmagent_operator.desired.component import Component
from vmagent_operator.desired.defaults import canonical
from vmagent_operator.model.decode import Manifest

_NOBODY = 65534
"""The user `nobody` of the image."""
_CONTAINER_ONLY = frozenset(
    ("privileged", "capabilities", "readOnlyRootFilesystem", "allowPrivilegeEscalation", "procMount")
)
_BOTH = frozenset(("runAsUser", "runAsGroup", "runAsNonRoot", "appArmorProfile", "seccompProfile"))
_USER = {"runAsNonRoot": True, "runAsUser": _NOBODY, "runAsGroup": _NOBODY}
_STRICT_POD = {
    "fsGroup": _NOBODY,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
_STRICT_CONTAINER = {
    "privileged": False,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
_LEFT_TO_OPENSHIFT = frozenset(("runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy"))
_FS_GROUP_CHANGE_POLICY_SINCE = (1, 20)
"""The first Kubernetes that knows the field; older ones drop it, and it would be written again and again."""


def pod(component: Component) -> Manifest:
    """`securityContext` of the pod, empty if there is none."""
    if (given := component.params.security_context) is not None:
        return {key: value for key, value in canonical(given).items() if key not in _CONTAINER_ONLY}
    if not _is_strict(component):
        return {}
    strict = _STRICT_POD | ({} if component.kind == "DaemonSet" else _USER)
    if component.server.version < _FS_GROUP_CHANGE_POLICY_SINCE:
        strict = {key: value for key, value in strict.items() if key != "fsGroupChangePolicy"}
    return _relaxed(strict, component)


def container(component: Component) -> Manifest | None:
    """`securityContext` of the operator's containers, or None."""
    if (given := component.params.security_context) is not None:
        return {key: value for key, value in canonical(given).items() if key in _CONTAINER_ONLY | _BOTH}
    return _relaxed(_STRICT_CONTAINER | _USER, component) if _is_strict(component) else None


def _is_strict(component: Component) -> bool:
    given = component.params.use_strict_security
    return component.settings.enable_strict_security if given is None else given


def _relaxed(strict: Manifest, component: Component) -> Manifest:
    """`strict` without the ids that OpenShift assigns by namespace."""
    if not component.is_openshift:
        return strict
    return {key: value for key, value in strict.items() if key not in _LEFT_TO_OPENSHIFT}

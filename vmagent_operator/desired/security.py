"""Security contexts of the pod and of the operator's containers; user containers get none.

`securityContext` of a VMAgent is one object for both; any, even an empty one, takes the place of the strict defaults.
"""

from vmagent_operator.desired.defaults import canonical
from vmagent_operator.desired.vmagent.features import VMAgent, is_daemon_set, is_openshift, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Server, Settings

_NOBODY = 65534
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


def pod(agent: VMAgent, settings: Settings, server: Server) -> Manifest:
    """`securityContext` of the pod, empty if there is none."""
    if (given := spec(agent).apps.security_context) is not None:
        return {key: value for key, value in canonical(given).items() if key not in _CONTAINER_ONLY}
    if not _is_strict(agent, settings):
        return {}
    strict = _STRICT_POD | ({} if is_daemon_set(agent) else _USER)
    if server.version < _FS_GROUP_CHANGE_POLICY_SINCE:
        strict = {key: value for key, value in strict.items() if key != "fsGroupChangePolicy"}
    return _relaxed(strict, settings, server)


def container(agent: VMAgent, settings: Settings, server: Server) -> Manifest | None:
    """`securityContext` of the operator's containers, or None."""
    if (given := spec(agent).apps.security_context) is not None:
        return {key: value for key, value in canonical(given).items() if key in _CONTAINER_ONLY | _BOTH}
    return _relaxed(_STRICT_CONTAINER | _USER, settings, server) if _is_strict(agent, settings) else None


def _is_strict(agent: VMAgent, settings: Settings) -> bool:
    given = spec(agent).apps.use_strict_security
    return settings.enable_strict_security if given is None else given


def _relaxed(strict: Manifest, settings: Settings, server: Server) -> Manifest:
    """`strict` without the ids that OpenShift assigns by namespace."""
    if not is_openshift(settings, server):
        return strict
    return {key: value for key, value in strict.items() if key not in _LEFT_TO_OPENSHIFT}

"""Kubernetes structures that users supply, as the API server stores them.

Passed on as written, a `readOnly: false` or a `1024Mi` would differ from the live object for ever. The reference
operator reads such structures into Go's types, with the same effect.
"""

from collections.abc import Iterable
from typing import Any

from vmagent_operator import quantity
from vmagent_operator.model.decode import Manifest

# Optional fields, in which an explicit zero has a meaning of its own (or none, which the API server says): pointers in Go.
_EXPLICIT = frozenset(
    (
        *("allocateLoadBalancerNodePorts", "allowPrivilegeEscalation", "apiGroup", "appProtocol", "averageUtilization"),
        *("cachingMode", "controlledValues", "currentVolumeAttributesClassName", "defaultMode", "durationSeconds"),
        *("enableServiceLinks", "endPort", "evictAfterOOMSeconds", "expirationSeconds", "factor", "fsGroup"),
        *("fsGroupChangePolicy", "gmsaCredentialSpec", "gmsaCredentialSpecName", "hostProcess", "initiatorName"),
        *("internalTrafficPolicy", "ipFamilyPolicy", "loadBalancerClass", "localhostProfile", "maxExpirationSeconds"),
        *("maxSurge", "maxUnavailable", "minDomains", "minReplicas", "mode", "mountPropagation", "nodeAffinityPolicy"),
        *("nodeTaintsPolicy", "optional", "privileged", "procMount", "readOnlyRootFilesystem", "recursiveReadOnly"),
        *("restartPolicy", "runAsGroup", "runAsNonRoot", "runAsUser", "runAsUserName", "seLinuxChangePolicy"),
        *("selectPolicy", "service", "stabilizationWindowSeconds", "stopSignal", "storageClassName"),
        *("supplementalGroupsPolicy", "terminationGracePeriodSeconds", "tolerationSeconds", "trafficDistribution"),
        *("updateMode", "volumeAttributesClassName", "volumeMode"),
    )
)
# Those that are so under one key only, and plain values under others.
_EXPLICIT_WITHIN = frozenset(
    (
        *(
            ("csi", "fsType"),
            ("csi", "readOnly"),
            ("azureDisk", "fsType"),
            ("azureDisk", "kind"),
            ("azureDisk", "readOnly"),
        ),
        *(("fc", "lun"), ("hostPath", "type"), ("clusterTrustBundle", "name"), ("clusterTrustBundle", "signerName")),
        *(("clientIP", "timeoutSeconds"), ("options", "value"), ("dataSourceRef", "namespace")),
    )
)
# Objects with keys of the user's own: their values count even when empty.
_FREE = frozenset(("annotations", "labels", "matchLabels", "nodeSelector", "options", "volumeAttributes"))
_RESOURCES = frozenset(("allocatedResources", "capacity", "limits", "maxAllowed", "minAllowed", "requests"))
_QUANTITIES = frozenset(("averageValue", "divisor", "sizeLimit", "tolerance"))


def canonical(given: Manifest, within: str = "") -> Manifest:
    """`given` without what says nothing, its quantities in canonical form: what the API server would store differently would be
    written at each reconcile, and start every pod anew when an agent is taken over.

    Null goes, and so do false, 0 and "" where they mean the same as absent, empty lists and empty maps; empty objects
    (`emptyDir: {}`) stay. within: the key under which `given` stands.
    """
    stored = {key: _stored(key, value, within) for key, value in given.items()}
    if within == "resourceFieldRef":
        stored.setdefault("divisor", "0")
    return {key: value for key, value in stored.items() if value is not None}


def canonical_list(given: Iterable[Manifest]) -> list[Manifest]:
    """`canonical` of each item."""
    return [canonical(item) for item in given]


def _stored(key: str, value: Any, within: str) -> Any:
    """The value as it is stored; None if it is not."""
    if key in _RESOURCES and isinstance(value, dict):
        return {name: quantity.canonical(amount) for name, amount in value.items()} or None
    if (key in _QUANTITIES or (key == "value" and within == "target")) and value is not None:
        return quantity.canonical(value)
    if isinstance(value, dict):
        if key == "selector":  # labels in a Service, a label selector elsewhere
            return value
        return (value or None) if key in _FREE else canonical(value, key)
    if isinstance(value, list | tuple):
        return [canonical(item, key) if isinstance(item, dict) else item for item in value] or None
    return value if value or key in _EXPLICIT or (within, key) in _EXPLICIT_WITHIN else None

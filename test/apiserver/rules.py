"""What the server refuses with 422 beyond types: names, required and immutable fields, duplicates, sizes.

Source: pkg/apis/*/validation of Kubernetes 1.36; the wording is the server's.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from test.apiserver.kinds import Kind
from test.apiserver.quantity import amount
from test.apiserver.schema import Node
from test.apiserver.selectors import matches
from test.apiserver.services import RANGE

Json = dict[str, Any]
Fault = tuple[str, str, str]
LABEL = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")
SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
DNS_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
LABEL_TEXT = ("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
              "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
              "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")  # fmt: skip
QUALIFIED_TEXT = ("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
                  "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
                  "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')")  # fmt: skip
SUBDOMAIN_TEXT = ("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
                  "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
                  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")  # fmt: skip
DNS_LABEL_TEXT = ("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
                  "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
                  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')")  # fmt: skip
MOST_ANNOTATION_BYTES, MOST_DATA_BYTES = 256 << 10, 1 << 20
_CORE, _APPS = "io.k8s.api.core.v1.", "io.k8s.api.apps.v1."

REQUIRED: Mapping[str, tuple[str, ...]] = {
    _CORE + "Container": ("name", "image"),
    _CORE + "ContainerPort": ("containerPort",),
    _CORE + "EnvVar": ("name",),
    _CORE + "VolumeMount": ("name", "mountPath"),
    _CORE + "Volume": ("name",),
    _CORE + "PodSpec": ("containers",),
    _CORE + "ServicePort": ("port",),
    _CORE + "PersistentVolumeClaimSpec": ("accessModes",),
    _CORE + "KeyToPath": ("key", "path"),
    _CORE + "TopologySpreadConstraint": ("maxSkew", "topologyKey", "whenUnsatisfiable"),
    _CORE + "PodAffinityTerm": ("topologyKey",),
    _APPS + "DeploymentSpec": ("selector",),
    _APPS + "StatefulSetSpec": ("selector",),
    _APPS + "DaemonSetSpec": ("selector",),
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec": ("maxReplicas",),
    "io.k8s.api.autoscaling.v2.CrossVersionObjectReference": ("kind", "name"),
    "io.k8s.api.rbac.v1.PolicyRule": ("verbs",),
    "io.k8s.api.rbac.v1.RoleRef": ("kind", "name"),
    "io.k8s.api.rbac.v1.Subject": ("kind", "name"),
    "io.k8s.api.storage.v1.StorageClass": ("provisioner",),
    "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference": ("apiVersion", "kind", "name", "uid"),
}
# Lists in which an ordinary write may not have two items of the same key (env may, with a warning).
UNIQUE: Mapping[tuple[str, str], str] = {
    (_CORE + "PodSpec", "containers"): "name",
    (_CORE + "PodSpec", "initContainers"): "name",
    (_CORE + "PodSpec", "volumes"): "name",
    (_CORE + "Container", "volumeMounts"): "mountPath",
    (_CORE + "ServiceSpec", "ports"): "name",
}
# One-ofs, in the order in which the server looks at the choices; what they are called in messages.
CHOICES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    _CORE + "Probe": ("handler", ("exec", "httpGet", "tcpSocket", "grpc")),
    _CORE + "LifecycleHandler": ("handler", ("exec", "httpGet", "tcpSocket", "sleep")),
    _CORE + "Volume": (
        "volume",
        (
            *("emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi"),
            *(
                "glusterfs",
                "flocker",
                "persistentVolumeClaim",
                "rbd",
                "cinder",
                "cephfs",
                "quobyte",
                "downwardAPI",
                "fc",
            ),
            *("flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume"),
            *("azureDisk", "storageos", "projected", "scaleIO", "csi", "ephemeral", "image"),
        ),
    ),
}
MUTABLE_STATEFULSET = ("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                       "persistentVolumeClaimRetentionPolicy", "minReadySeconds")  # fmt: skip
STATEFULSET_TEXT = ("updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
                    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")  # fmt: skip


def show(value: Any) -> str:
    """A value as messages quote it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _invalid(path: str, value: Any, text: str) -> Fault:
    return "FieldValueInvalid", path, f"Invalid value: {show(value)}: {text}"


def faults(kind: Kind, new: Json, old: Json | None) -> Iterator[Fault]:
    """What is wrong with `new`, alone or as the successor of `old`."""
    yield from _metadata(kind, new["metadata"])
    if not kind.is_custom:
        yield from _walk(kind.node, {key: part for key, part in new.items() if key != "status"}, "")
        if kind.name in CHECKS:
            yield from CHECKS[kind.name](new)
        if kind.name == "Service" and (old is None or old["spec"].get("clusterIP") != new["spec"].get("clusterIP")):
            yield from _address(new["spec"])
    if old is not None and kind.name in SUCCESSION and not kind.is_custom:
        yield from SUCCESSION[kind.name](new, old)


def _metadata(kind: Kind, meta: Json) -> Iterator[Fault]:
    yield from _name(kind, meta["name"])
    yield from _labels(meta.get("labels") or {}, "metadata.labels")
    annotations = meta.get("annotations") or {}
    for key in annotations:
        yield from _qualified(key.lower(), "metadata.annotations")
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > MOST_ANNOTATION_BYTES:
        yield (
            "FieldValueTooLong",
            "metadata.annotations",
            f"Too long: may not be more than {MOST_ANNOTATION_BYTES} bytes",
        )
    controllers = [one for one in meta.get("ownerReferences") or () if one.get("controller")]
    if len(controllers) > 1:
        text = f'Only one reference can have Controller set to true. Found "true" in references for {controllers[0]["name"]} and {controllers[1]["name"]}'
        yield _invalid("metadata.ownerReferences", meta["ownerReferences"], text)


def _name(kind: Kind, name: str) -> Iterator[Fault]:
    if kind.group == "rbac.authorization.k8s.io":
        if "/" in name or "%" in name:
            yield _invalid("metadata.name", name, "may not contain '/'" if "/" in name else "may not contain '%'")
        return
    pattern, text, most = {
        "Service": (DNS_LABEL, DNS_LABEL_TEXT, 63),
        "Namespace": (DNS_LABEL, DNS_LABEL_TEXT, 63),
    }.get(kind.name if not kind.is_custom else "", (SUBDOMAIN, SUBDOMAIN_TEXT, 253))
    if len(name) > most:
        yield _invalid("metadata.name", name, f"must be no more than {most} bytes")
    if not pattern.match(name):
        yield _invalid("metadata.name", name, text)


def _labels(found: Mapping[str, str], path: str) -> Iterator[Fault]:
    for key, value in found.items():
        yield from _qualified(key, path)
        if len(value) > 63:
            yield _invalid(path, value, "must be no more than 63 bytes")
        if not LABEL.match(value):
            yield _invalid(path, value, LABEL_TEXT)


def _qualified(key: str, path: str) -> Iterator[Fault]:
    prefix, slash, name = key.rpartition("/")
    if slash and not SUBDOMAIN.match(prefix):
        yield _invalid(path, key, "prefix part " + SUBDOMAIN_TEXT)
    if len(name) > 63:
        yield _invalid(path, key, "name part must be no more than 63 bytes")
    if not name or not LABEL.match(name):
        yield _invalid(path, key, QUALIFIED_TEXT)


def _walk(node: Node, value: Any, path: str) -> Iterator[Fault]:
    """Required and unique fields wherever a definition occurs; the server does not look into a StatefulSet's pods."""
    if isinstance(value, dict):
        for key in REQUIRED.get(node.name, ()):
            if value.get(key) in (None, "", [], 0) and key not in ("maxSkew",):
                yield "FieldValueRequired", f"{path}.{key}".lstrip("."), "Required value"
        for key, part in value.items():
            child = node.child(key)
            if node.name == _APPS + "StatefulSetSpec" and key == "template":
                yield from _labels((part.get("metadata") or {}).get("labels") or {}, "spec.template.labels")
            elif child is not None and isinstance(part, dict | list):
                inner = f"{path}.{key}".lstrip(".") if key in node.fields else f"{path}[{key}]"
                if (node.name, key) in UNIQUE and isinstance(part, list):
                    yield from _unique(part, UNIQUE[node.name, key], inner)
                yield from _walk(child, part, inner)
        if node.name == _CORE + "PodSpec":
            yield from _mounts(value, path)
            yield from _spread(value, path)
        if node.name == _CORE + "Container":
            yield from _resources(value, path)
            named = [port for port in value.get("ports") or () if port.get("name")]
            yield from _unique(named, "name", f"{path}.ports")
        if node.name in CHOICES:
            yield from _choices(value, *CHOICES[node.name], path)
        if node.name == _CORE + "PodTemplateSpec":
            yield from _labels((value.get("metadata") or {}).get("labels") or {}, f"{path}.labels")
    elif isinstance(value, list) and node.items:
        for index, part in enumerate(value):
            yield from _walk(node.items, part, f"{path}[{index}]")


def _choices(value: Json, what: str, choices: tuple[str, ...], path: str) -> Iterator[Fault]:
    made = [choice for choice in choices if value.get(choice) is not None]
    for choice in made[1:]:
        yield "FieldValueForbidden", f"{path}.{choice}", f"Forbidden: may not specify more than 1 {what} type"


def _unique(items: list[Json], key: str, path: str) -> Iterator[Fault]:
    seen = set()
    for index, item in enumerate(items):
        if item.get(key) in seen:
            at = f"{path}[{index}].{key}"
            yield ("FieldValueInvalid", at, f'Invalid value: {show(item[key])}: must be unique') if key == "mountPath" else (
                "FieldValueDuplicate", at, f"Duplicate value: {show(item.get(key))}")  # fmt: skip
        seen.add(item.get(key))


def _mounts(spec: Json, path: str) -> Iterator[Fault]:
    names = {volume.get("name") for volume in spec.get("volumes") or ()}
    for group in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(group) or ()):
            for number, mount in enumerate(container.get("volumeMounts") or ()):
                if mount.get("name") and mount["name"] not in names:
                    at = f"{path}.{group}[{index}].volumeMounts[{number}].name"
                    yield "FieldValueNotFound", at, f"Not found: {show(mount['name'])}"


def _resources(container: Json, path: str) -> Iterator[Fault]:
    limits = (container.get("resources") or {}).get("limits") or {}
    for name, wanted in ((container.get("resources") or {}).get("requests") or {}).items():
        if name in limits and amount(wanted) > amount(limits[name]):
            yield _invalid(
                f"{path}.resources.requests", wanted, f"must be less than or equal to {name} limit of {limits[name]}"
            )


def _spread(spec: Json, path: str) -> Iterator[Fault]:
    for index, one in enumerate(spec.get("topologySpreadConstraints") or ()):
        if "minDomains" in one and one.get("whenUnsatisfiable") != "DoNotSchedule":
            at = f"{path}.topologySpreadConstraints[{index}].minDomains"
            text = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {one.get('whenUnsatisfiable')}"
            yield _invalid(at, one["minDomains"], text)


def _template(value: Json) -> Iterator[Fault]:
    spec = value["spec"]
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    if spec.get("selector") and not matches(spec["selector"], labels):
        yield _invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")


def _data(value: Json) -> Iterator[Fault]:
    total = sum(len(part) * 3 // 4 - part[-2:].count("=") for part in (value.get("data") or {}).values()) if value["kind"] == "Secret" else (
        sum(len(part.encode()) for part in (value.get("data") or {}).values())
        + sum(len(part) * 3 // 4 for part in (value.get("binaryData") or {}).values()))  # fmt: skip
    if total > MOST_DATA_BYTES:
        path = "data" if value["kind"] == "Secret" else ""
        yield "FieldValueTooLong", path, f"Too long: may not be more than {MOST_DATA_BYTES} bytes"
    for key in value.get("data") or ():
        if not re.match(r"^[-._a-zA-Z0-9]{1,253}$", key):
            text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
            yield _invalid(f"data[{key}]", key, text)


def _budget(value: Json) -> Iterator[Fault]:
    spec = value["spec"]
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield _invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")


def _autoscaler(value: Json) -> Iterator[Fault]:
    spec = value["spec"]
    if spec.get("maxReplicas", 0) < spec.get("minReplicas", 1):
        yield _invalid("spec.maxReplicas", spec.get("maxReplicas"), "must be greater than or equal to `minReplicas`")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _address(spec: Json) -> Iterator[Fault]:
    """An address that a Service gets now; whoever has one keeps it, whatever the range is by then."""
    address = spec.get("clusterIP", "None")
    if address != "None" and not _is_address(address):
        yield _invalid("spec.clusterIPs[0]", address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
    elif address != "None" and ipaddress.ip_address(address) not in RANGE:
        text = f"failed to allocate IP {address}: the provided network does not match the current range"
        yield _invalid("spec.clusterIPs", spec["clusterIPs"], text)


def _service(value: Json) -> Iterator[Fault]:
    spec = value["spec"]
    ports = spec.get("ports") or ()
    if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != "None":
        yield "FieldValueRequired", "spec.ports", "Required value"
    for index, port in enumerate(ports):
        if len(ports) > 1 and not port.get("name"):
            yield "FieldValueRequired", f"spec.ports[{index}].name", "Required value"


def _deployment(value: Json) -> Iterator[Fault]:
    yield from _template(value)
    strategy = value["spec"]["strategy"]
    if strategy["type"] == "Recreate" and "rollingUpdate" in strategy:
        text = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        yield "FieldValueForbidden", "spec.strategy.rollingUpdate", text


def _size(claim: Json, path: str) -> Iterator[Fault]:
    if not (claim["spec"].get("resources", {}).get("requests") or {}).get("storage"):
        yield "FieldValueRequired", f"{path}.resources[storage]", "Required value"


def _stateful(value: Json) -> Iterator[Fault]:
    yield from _template(value)
    strategy = value["spec"]["updateStrategy"]
    if strategy["type"] == "OnDelete" and "rollingUpdate" in strategy:
        text = "only allowed for updateStrategy 'RollingUpdate'"
        yield _invalid("spec.updateStrategy.rollingUpdate", strategy["rollingUpdate"], text)
    for index, claim in enumerate(value["spec"].get("volumeClaimTemplates") or ()):
        yield from _size(claim, f"spec.volumeClaimTemplates[{index}].spec")


CHECKS: Mapping[str, Callable[[Json], Iterator[Fault]]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful,
    "PersistentVolumeClaim": lambda value: _size(value, "spec"),
    "DaemonSet": _template,
    "ReplicaSet": _template,
    "Secret": _data,
    "ConfigMap": _data,
    "PodDisruptionBudget": _budget,
    "HorizontalPodAutoscaler": _autoscaler,
    "Service": _service,
}


def _fixed(*path: str, text: str = "field is immutable") -> Callable[[Json, Json], Iterator[Fault]]:
    def check(new: Json, old: Json) -> Iterator[Fault]:
        for key in path:
            new, old = (new or {}).get(key) or {}, (old or {}).get(key) or {}
        if new != old:
            yield _invalid(".".join(path), new, text)

    return check


def _statefulset(new: Json, old: Json) -> Iterator[Fault]:
    before, after = (
        {key: part for key, part in one["spec"].items() if key not in MUTABLE_STATEFULSET} for one in (old, new)
    )
    if before != after:
        yield "FieldValueForbidden", "spec", f"Forbidden: {STATEFULSET_TEXT}"


def _frozen_data(new: Json, old: Json) -> Iterator[Fault]:
    if new["kind"] == "Secret" and new.get("type") != old.get("type"):
        yield _invalid("type", new.get("type"), "field is immutable")
    if old.get("immutable"):
        for path, keys in (("immutable", ("immutable",)), ("data", ("data",)), ("binaryData", ("binaryData",))):
            if any((new.get(key) or None) != (old.get(key) or None) for key in keys):
                yield "FieldValueForbidden", path, "Forbidden: field is immutable when `immutable` is set"


def _cluster_ip(new: Json, old: Json) -> Iterator[Fault]:
    spec, before = new["spec"], old["spec"]
    if (
        before.get("clusterIP")
        and "ExternalName" not in (spec["type"], before["type"])
        and spec.get("clusterIP") != before["clusterIP"]
    ):
        yield _invalid("spec.clusterIPs[0]", spec.get("clusterIPs") or [], "may not change once set")
    is_balanced = spec["type"] == before["type"] == "LoadBalancer"
    if is_balanced and spec.get("loadBalancerClass") != before.get("loadBalancerClass"):
        yield _invalid("spec.loadBalancerClass", spec.get("loadBalancerClass"), "may not change once set")


def _claim(new: Json, old: Json) -> Iterator[Fault]:
    def rest(value: Json) -> Json:
        return {
            key: part
            for key, part in value["spec"].items()
            if key not in ("resources", "volumeAttributesClassName", "volumeName")
        }

    if rest(new) != rest(old):
        text = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        yield "FieldValueForbidden", "spec", f"Forbidden: {text}"
    size, before = ((one["spec"].get("resources", {}).get("requests") or {}).get("storage", "0") for one in (new, old))
    capacity = (old.get("status", {}).get("capacity") or {}).get("storage", "0")
    if amount(size) < amount(before) and amount(size) < amount(capacity):
        yield (
            "FieldValueForbidden",
            "spec.resources.requests.storage",
            "Forbidden: field can not be less than status.capacity",
        )
    elif amount(size) < amount(before) and capacity == "0":
        yield (
            "FieldValueForbidden",
            "spec.resources.requests.storage",
            "Forbidden: field can not be less than previous value",
        )


def _pod(new: Json, old: Json) -> Iterator[Fault]:
    def rest(value: Json) -> Json:
        spec = {
            key: part
            for key, part in value["spec"].items()
            if key not in ("tolerations", "activeDeadlineSeconds", "nodeName")
        }
        for group in ("containers", "initContainers"):
            spec[group] = [{key: part for key, part in one.items() if key != "image"} for one in spec.get(group) or ()]
        return spec

    if rest(new) != rest(old):
        text = ("pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
                "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
                "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)")  # fmt: skip
        yield "FieldValueForbidden", "spec", f"Forbidden: {text}"


SUCCESSION: Mapping[str, Callable[[Json, Json], Iterator[Fault]]] = {
    "Deployment": _fixed("spec", "selector"),
    "DaemonSet": _fixed("spec", "selector"),
    "ReplicaSet": _fixed("spec", "selector"),
    "StatefulSet": _statefulset,
    "RoleBinding": _fixed("roleRef", text="cannot change roleRef"),
    "ClusterRoleBinding": _fixed("roleRef", text="cannot change roleRef"),
    "Secret": _frozen_data,
    "ConfigMap": _frozen_data,
    "Service": _cluster_ip,
    "PersistentVolumeClaim": _claim,
    "Pod": _pod,
    "StorageClass": _fixed("provisioner", text="updates to provisioner are forbidden."),
}

"""What is to be seen to before this operator takes over from the Go operator: the points of docs/migration.md, each looked at."""

import base64
import binascii
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from vmagent_operator.api.kinds import KINDS, OWNER_KINDS
from vmagent_operator.cli.doctor.health import (
    definitions,
    disabled_kinds,
    owners,
    webhooks,
)
from vmagent_operator.cli.doctor.patient import Check, Patient, Symptom, Symptoms, place
from vmagent_operator.identity import GROUP
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import NotFound
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.limits import INFLATED_BYTES


def left_working(patient: Patient) -> Symptoms:
    """A Go operator that works on our kinds still."""
    for each in patient.predecessors:
        metadata = each["metadata"]
        left = [kind.name for kind in KINDS if kind.name not in disabled_kinds(each)]
        if left:
            command = f"kubectl -n {metadata['namespace']} scale deployment {metadata['name']} --replicas=0"
            yield Symptom("error", f"the Go operator {place(each)} works on {', '.join(left)}: stop it first", command)
    if not patient.predecessors:
        yield Symptom("ok", "no Go operator is at work")


def restarts(patient: Patient) -> Symptoms:
    """Pods that restart at the take-over, and why: another default image above all."""
    changes = patient.take_over
    for each in changes.restarts:
        tags = {
            (_tag(one.before), _tag(one.after)) for one in each.fields if one.path.endswith(".image") and one.before
        }
        if tags and all("image" in part for part in each.restart.split(", ")):
            before, after = sorted(tags)[0]
            text = f"{each.title}: pods restart, since the default image tag is {after}, not {before}"
            yield Symptom(
                "warning",
                text,
                f"kubectl -n vmagent-operator set env deployment/vmagent-operator VM_METRICS_VERSION={before}",
            )
        else:
            yield Symptom(
                "warning", f"{each.title}: pods restart because of {each.restart}", "vmagent-operator --dry-run"
            )
    for problem in changes.problems:
        yield Symptom("error", problem, "")
    if not changes.restarts and not changes.problems:
        yield Symptom("ok", "no pod restarts")


def _tag(image: object) -> str:
    return str(image).rpartition(":")[2]


def jobs(patient: Patient) -> Symptoms:
    """Scrape jobs that leave at the take-over."""
    for each in patient.take_over.jobs:
        if each.leaving:
            text = f"{each.owner}: {len(each.leaving)} job{'s leave' if len(each.leaving) > 1 else ' leaves'}, such as {each.leaving[0]}"
            yield Symptom("warning", text, "vmagent-operator explain")


def definitions_kept(patient: Patient) -> Symptoms:
    """What would delete the CRDs, and with them every custom resource, when the Go operator's release is uninstalled."""
    for kind in KINDS:
        name = f"{kind.plural}.{GROUP}"
        try:
            metadata = patient.live.client.get(resource.CUSTOMRESOURCEDEFINITIONS, None, name, metadata_only=True)[
                "metadata"
            ]
        except NotFound:
            continue
        is_helms = (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm"
        if is_helms and (metadata.get("annotations") or {}).get("helm.sh/resource-policy") != "keep":
            text = f"CRD {name} belongs to a Helm release: helm uninstall deletes it and every {kind.name}"
            yield Symptom("error", text, f"kubectl annotate crd {name} helm.sh/resource-policy=keep")
    for release, namespace, hook in _cleanup_hooks(patient):
        text = f"helm uninstall {release} runs {hook}, which deletes the CRDs and every custom resource"
        command = f"helm -n {namespace} upgrade {release} CHART --reuse-values --set crds.cleanup.enabled=false"
        yield Symptom("error", text, command)


def _cleanup_hooks(patient: Patient) -> Iterator[tuple[str, str, str]]:
    """Release, namespace and name of the hooks that clean CRDs up."""
    for secret in patient.live.client.list(resource.SECRETS, selector="owner=helm,status=deployed").items:
        release = _release(secret)
        for hook in release.get("hooks") or ():
            name, is_last = str(hook.get("name")), "pre-delete" in (hook.get("events") or ())
            cleans = "cleanup" in name or GROUP in str(hook.get("manifest", ""))
            if is_last and cleans and hook.get("kind") == "Job":
                yield str(release.get("name")), secret["metadata"]["namespace"], name


def _release(secret: Manifest) -> Mapping[str, Any]:
    """A Helm release as its Secret holds it; empty if it cannot be read."""
    try:
        packed = base64.b64decode(base64.b64decode((secret.get("data") or {}).get("release", "")))
        found = json.loads(zlib.decompressobj(zlib.MAX_WBITS + 16).decompress(packed, INFLATED_BYTES))
    except (binascii.Error, zlib.error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def replicas(patient: Patient) -> Symptoms:
    """Owners of which no pod runs: both operators take `replicaCount: 0` at its word."""
    for raw in patient.objects:
        if raw["kind"] not in {kind.name for kind in OWNER_KINDS}:
            continue
        spec, metadata = raw.get("spec") or {}, raw["metadata"]
        parts = {"/spec": spec, **{f"/spec/{key}": value for key, value in spec.items() if isinstance(value, dict)}}
        for path, part in parts.items():
            if part.get("replicaCount") == 0:
                text = f"{raw['kind']} {place(raw)}: {path[1:].replace('/', '.')}.replicaCount is 0, so no pod runs; remove it if that is not meant"
                patch = f'[{{"op": "remove", "path": "{path}/replicaCount"}}]'
                what = f"{raw['kind'].lower()} {metadata['name']}"
                yield Symptom(
                    "warning", text, f"kubectl -n {metadata['namespace']} patch {what} --type=json -p '{patch}'"
                )


CHECKS: Mapping[str, Check] = {
    "Go operator": left_working,
    "definitions": definitions,
    "uninstalling": definitions_kept,
    "webhooks": webhooks,
    "owners": owners,
    "replicas": replicas,
    "restarts": restarts,
    "jobs": jobs,
}
"""In the order in which one would see to them."""

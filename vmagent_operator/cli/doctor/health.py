"""What may be wrong with an installation: definitions, lease, neighbours, owners, scrape objects, clocks."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from vmagent_operator.api import crd
from vmagent_operator.api.kinds import KINDS
from vmagent_operator.cli.decisions import is_watched
from vmagent_operator.cli.doctor import permissions
from vmagent_operator.cli.doctor.patient import Check, Patient, Symptom, Symptoms, containers, place
from vmagent_operator.identity import GROUP, LEASE, VERSION
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import NotFound
from vmagent_operator.kube.resource import Manifest, Resource

SHOWN = 20
"""Symptoms of one check that are told; there may be thousands."""
SKEW_SECONDS = 5.0
"""Less is the age of an answer and the second to which it is rounded."""
INSTALL_CRDS = "vmagent-operator crds | kubectl apply --server-side -f -"
WEBHOOKS = tuple(
    Resource("admissionregistration.k8s.io", "v1", f"{name.lower()}s", name, namespaced=False)
    for name in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
)


def definitions(patient: Patient) -> Symptoms:
    """CRDs that are not there, or lack fields that this version reads."""
    for kind in KINDS:
        name = f"{kind.plural}.{GROUP}"
        try:
            live = patient.live.client.get(resource.CUSTOMRESOURCEDEFINITIONS, None, name)
        except NotFound:
            yield Symptom("error", f"CRD {name} is not there", INSTALL_CRDS)
            continue
        versions = {each["name"]: each for each in live["spec"]["versions"]}
        if not versions.get(VERSION, {}).get("served"):
            yield Symptom("error", f"CRD {name} does not serve {VERSION}", INSTALL_CRDS)
            continue
        lacking = [*_lacking(_schema(versions[VERSION]), _schema(crd.manifest(kind)["spec"]["versions"][0]), "")]
        if lacking:
            text = f"CRD {name} lacks {len(lacking)} field{'s' if len(lacking) != 1 else ''}, such as {lacking[0]}"
            yield Symptom("warning", text, INSTALL_CRDS)


def _schema(version: Manifest) -> Manifest:
    found: Manifest = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return found


def _lacking(live: Manifest, ours: Manifest, path: str) -> Iterator[str]:
    """Fields of ours that a schema neither has nor lets through."""
    if live.get("x-kubernetes-preserve-unknown-fields"):
        return
    for name, inner in (ours.get("properties") or {}).items():
        at = f"{path}.{name}" if path else name
        known = (live.get("properties") or {}).get(name)
        if known is None:
            yield at
        else:
            yield from _lacking(known, inner, at)
    for key in ("items", "additionalProperties"):
        if isinstance(ours.get(key), dict) and isinstance(live.get(key), dict):
            yield from _lacking(live[key], ours[key], path)


def running(patient: Patient) -> Symptoms:
    """Whether an operator works: its Deployment, and the Lease with its holder."""
    for each in patient.operators:
        wanted, ready = each["spec"].get("replicas", 1), (each.get("status") or {}).get("readyReplicas", 0)
        if ready < wanted:
            metadata = each["metadata"]
            command = f"kubectl -n {metadata['namespace']} describe deployment {metadata['name']}"
            yield Symptom(
                "error" if not ready else "warning",
                f"Deployment {place(each)}: {ready} of {wanted} pods are ready",
                command,
            )
    leases = [each for each in patient.all(resource.LEASES) if each["metadata"]["name"] == LEASE]
    if not leases:
        command = "kubectl apply --server-side -k manifests/base"
        yield Symptom("warning", f"there is no Lease {LEASE}: no operator with --leader-elect has ever run", command)
    for lease in leases:
        yield _held(lease)


def _held(lease: Manifest) -> Symptom:
    spec, namespace = lease.get("spec") or {}, lease["metadata"]["namespace"]
    holder, age = spec.get("holderIdentity") or "", _age(spec.get("renewTime"))
    logs = f"kubectl -n {namespace} logs deployment/vmagent-operator --tail=50"
    if not holder:
        return Symptom("error", f"nobody holds Lease {place(lease)}: no operator works", logs)
    if age is None or age > float(spec.get("leaseDurationSeconds") or 0):
        since = "" if age is None else f" {age:.0f} seconds ago"
        return Symptom("error", f"{holder} has renewed Lease {place(lease)} last{since}: no operator works", logs)
    return Symptom("ok", f"{holder} holds Lease {place(lease)}")


def _age(text: object) -> float | None:
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(str(text))).total_seconds()
    except ValueError:
        return None


def disabled_kinds(deployment: Manifest) -> frozenset[str]:
    """The kinds that a Go operator is told to leave alone."""
    words = [str(word) for each in containers(deployment) for word in (each.get("args") or ())]
    found = set[str]()
    for index, word in enumerate(words):
        flag, _, value = word.lstrip("-").partition("=")
        if flag == "controller.disableReconcileFor":
            found |= {name.strip() for name in (value or "".join(words[index + 1 : index + 2])).split(",")}
    return frozenset(found)


def predecessor(patient: Patient) -> Symptoms:
    """A Go operator that works on our kinds."""
    for each in patient.predecessors:
        metadata, left = each["metadata"], [kind.name for kind in KINDS if kind.name not in disabled_kinds(each)]
        if left:
            command = f"kubectl -n {metadata['namespace']} scale deployment {metadata['name']} --replicas=0"
            yield Symptom("error", f"the Go operator {place(each)} works on {', '.join(left)} too", command)
        else:
            yield Symptom("ok", f"the Go operator {place(each)} leaves our kinds alone")


def webhooks(patient: Patient) -> Symptoms:
    """Admission webhooks of another operator that are asked about our kinds: nothing can be applied when it is gone."""
    for of in WEBHOOKS:
        for each in patient.all(of):
            rules = [rule for hook in each.get("webhooks") or () for rule in hook.get("rules") or ()]
            if any(GROUP in (rule.get("apiGroups") or ()) for rule in rules):
                name = each["metadata"]["name"]
                text = f"{of.kind} {name} is asked about our kinds: without its operator nothing of them can be applied"
                yield Symptom("warning", text, f"kubectl delete {of.kind.lower()} {name}")


def prometheus(patient: Patient) -> Symptoms:
    """Objects of the Prometheus operator that become nothing, or lose something on the way."""
    well = 0
    for made in patient.explanation.decided.converted.made.values():
        source = made.source
        command = f"vmagent-operator explain {source.kind.singular}/{source.name} -n {source.namespace}"
        if made.said:
            yield Symptom("error" if made.error else "warning", made.line(), command)
        well += not made.said
    if well:
        yield Symptom("ok", f"{well} object{'s are' if well != 1 else ' is'} converted as a whole")


def owners(patient: Patient) -> Symptoms:
    """Owners that fail, or that nobody looks at."""
    well = 0
    for owner in patient.owners:
        what = f"{owner.kind.name} {owner.key}"
        look = f"kubectl -n {owner.namespace} describe {owner.kind.singular} {owner.name}"
        state = str(owner.status.get("updateStatus", ""))
        if not is_watched(owner, patient.settings):
            yield Symptom("warning", f"{what}: the operator watches other namespaces only", look)
        elif state == "failed":
            yield Symptom("error", f"{what} fails: {owner.status.get('reason') or 'no reason is given'}", look)
        elif not state:
            yield Symptom("error", f"{what} has no status: no operator has looked at it", look)
        elif (owner.status.get("observedGeneration") or 0) < owner.metadata.generation:
            yield Symptom("warning", f"{what} has changed, and no operator has looked at it since", look)
        elif owner.is_deleted:
            yield Symptom("warning", f"{what} is being deleted since {owner.metadata.deletion_timestamp}", look)
        else:
            well += 1
    if well:
        yield Symptom("ok", f"{well} owner{'s are' if well != 1 else ' is'} well")


def unscraped(patient: Patient) -> Symptoms:
    """Scrape objects that nobody scrapes."""
    found, scraped = patient.explanation, 0
    for scrape in found.scrapes:
        reasons = found.unscraped(scrape)
        scraped += not reasons
        if reasons:
            command = f"vmagent-operator explain {scrape.kind.singular}/{scrape.name} -n {scrape.namespace}"
            yield Symptom("warning", f"{scrape.kind.name} {scrape.key}: {'; '.join(reasons)}", command)
    if scraped:
        yield Symptom("ok", f"{scraped} scrape object{'s are' if scraped != 1 else ' is'} scraped")


def clocks(patient: Patient) -> Symptoms:
    """A clock here that differs from the API server's."""
    skew = patient.skew_seconds()
    if skew is not None and abs(skew) > SKEW_SECONDS:
        ahead = "ahead of" if skew > 0 else "behind"
        text = f"the API server's clock is {abs(skew):.0f} seconds {ahead} the one here: leases and times are judged wrongly"
        yield Symptom("warning", text, "timedatectl set-ntp true")
    elif skew is not None:
        yield Symptom("ok", "the clock here is that of the API server")


CHECKS: Mapping[str, Check] = {
    "definitions": definitions,
    "permissions": permissions.check,
    "operator": running,
    "Go operator": predecessor,
    "webhooks": webhooks,
    "Prometheus": prometheus,
    "owners": owners,
    "scrape objects": unscraped,
    "clocks": clocks,
}
"""In the order in which one would mend what they find."""

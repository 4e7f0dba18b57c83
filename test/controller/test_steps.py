"""One look at the workloads of an owner: what is told of them, what is done, and how long they are waited for."""

from types import SimpleNamespace
from typing import Any

import pytest
from attrs import define, field

from test.controller.test_rollout import SET, pod
from test.controller.world import World
from vmagent_operator.controller.engine.child import Child
from vmagent_operator.controller.engine.kind import Workload
from vmagent_operator.controller.steps.apply import Applied, Children, ChildState, Verified
from vmagent_operator.controller.steps.conflicts import ConflictState
from vmagent_operator.controller.steps.leftout import LeftOut
from vmagent_operator.controller.steps.memory import OwnerState
from vmagent_operator.controller.steps.plan import Plan
from vmagent_operator.controller.steps.rollout import READY, Progress
from vmagent_operator.controller.steps.workloads import RolloutState, Workloads
from vmagent_operator.kube import resource
from vmagent_operator.kube.http.answer import Event

DEPLOYMENT, STATEFUL_SET = (Child(kind, "mon", "db") for kind in (resource.DEPLOYMENTS, resource.STATEFULSETS))
FULL = {"observedGeneration": 3, "updatedReplicas": 1, "readyReplicas": 1, "replicas": 1}
LABELS = {"selector": {"matchLabels": {"app": "db"}}}


def deployment(name: str = "db", replicas: int = 1, **status: Any) -> dict[str, Any]:
    """A Deployment as its store has it, ready unless its status says otherwise."""
    metadata = {"name": name, "namespace": "mon", "uid": f"uid-{name}", "resourceVersion": "1", "generation": 3}
    spec = {"replicas": replicas, **LABELS}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": spec,
        "status": {**FULL, **status},
    }


def stateful_set(**spec: Any) -> dict[str, Any]:
    """A StatefulSet of one pod that we roll ourselves, with every pod there and up to date."""
    status = {**FULL, "updateRevision": "db-new", "currentRevision": "db-new"}
    given = {**SET["spec"], "replicas": 1, "updateStrategy": {"type": "OnDelete"}, **spec}
    metadata = {**SET["metadata"], "resourceVersion": "1", "generation": 3}
    return {**SET, "metadata": metadata, "spec": given, "status": status}


def claim(capacity: str, *conditions: dict[str, str]) -> dict[str, Any]:
    """A claim for 2Gi of the owner's own."""
    metadata = {"name": "data", "namespace": "mon", "uid": "uid-data", "resourceVersion": "1"}
    status = {"capacity": {"storage": capacity}, "conditions": [*conditions]}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec, "status": status}


@define
class Look:
    """Stores with some workloads in them, and what has been asked of the cluster."""

    world: World = field(factory=World)
    state: RolloutState = field(factory=RolloutState)
    generations: dict[Child, tuple[str, int]] = field(factory=dict)
    versions: int = 0
    notes: list[str] = field(factory=list)

    def see(self, *manifests: dict[str, Any]) -> "Look":
        """Have these in the stores."""
        for manifest in manifests:
            self.versions += 1
            manifest["metadata"]["resourceVersion"] = str(self.versions)
            self.world.system.stores.of(resource.of(manifest)).apply(Event("MODIFIED", manifest))
        return self

    @property
    def workloads(self) -> Workloads:
        """Those of a reconcile that begins now."""
        return Workloads(
            self.world.system.stores,
            self.world.system.client,
            self.state,
            self.generations,
            lambda: None,
            reads_classes=True,
            max_unavailable=lambda name: 1,
            note=self.notes.append,
        )

    def asked(self, word: str) -> int:
        """How often the cluster was asked for something since the last time."""
        found = sum(word in path for _, path in self.world.transport.requests)
        self.world.transport.requests.clear()
        return found


def test_a_workload_that_is_not_there_yet_is_being_created() -> None:
    look = Look()
    assert look.workloads.advance([DEPLOYMENT]) == Progress("Deployment db: being created")


@pytest.mark.parametrize(
    ("written", "waiting"),
    [
        (("uid-db", 3), ""),
        (("uid-db", 2), ""),
        (("uid-db", 4), "Deployment db: being updated"),
        (("another", 1), "Deployment db: being updated"),
    ],
    ids=["seen as written", "written by another since", "not seen yet", "the one before is still seen"],
)
def test_a_state_from_before_our_write_says_nothing(written: tuple[str, int], waiting: str) -> None:
    look = Look().see(deployment())
    look.generations[DEPLOYMENT] = written
    assert look.workloads.advance([DEPLOYMENT]) == Progress(waiting)


def test_the_first_that_lacks_something_is_named_unless_another_fails() -> None:
    late = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}]
    look = Look().see(deployment("a"), deployment("b", readyReplicas=0), deployment("c", conditions=late))
    a, b, c = (Child(resource.DEPLOYMENTS, "mon", name) for name in "abc")
    service = Child(resource.SERVICES, "mon", "db")
    assert look.workloads.advance([service, a]) == READY
    assert look.workloads.advance([a, b]) == Progress("Deployment b: readyReplicas is 0 of 1")
    found = look.workloads
    assert found.advance([a, b, c]) == Progress("Deployment c: too late", failed=True)
    assert found.lacking == {"b": Progress("readyReplicas is 0 of 1"), "c": Progress("too late", failed=True)}


@pytest.mark.parametrize(
    ("live", "waiting"),
    [
        (claim("2Gi"), ""),
        (claim("1Gi"), "PersistentVolumeClaim data: claim data is being resized"),
        (
            claim("2Gi", {"type": "Resizing", "status": "True"}),
            "PersistentVolumeClaim data: claim data is being resized",
        ),
        (claim("2Gi", {"type": "Resizing", "status": "False"}), ""),
        (claim("2Gi", {"type": "FileSystemResizePending", "status": "True"}), ""),
    ],
)
def test_a_claim_of_the_owners_own_is_waited_for(live: dict[str, Any], waiting: str) -> None:
    child = Child(resource.PERSISTENTVOLUMECLAIMS, "mon", "data")
    assert Look().workloads.advance([child]) == READY
    assert Look().see(live).workloads.advance([child]) == Progress(waiting)


def test_the_most_pods_that_a_workload_is_to_have_count() -> None:
    look = Look().see(deployment("a", 2), deployment("b", 5), claim("2Gi"))
    a, b, gone = (Child(resource.DEPLOYMENTS, "mon", name) for name in ("a", "b", "gone"))
    assert look.workloads.replicas([a, gone, b]) == 5
    assert look.workloads.replicas([gone, Child(resource.PERSISTENTVOLUMECLAIMS, "mon", "data")]) is None


def test_of_the_workloads_that_lack_something_the_first_pod_that_ails_is_named() -> None:
    look = Look().see(deployment("fine"), deployment("db", readyReplicas=0))
    fine, db = (Child(resource.DEPLOYMENTS, "mon", name) for name in ("fine", "db"))
    look.world.api.workloads.makes_pods = look.world.api.collector.is_on = False
    assert look.workloads.pod_failure([fine, db]) == READY
    look.world.add(pod(0, is_ready=False))
    assert look.workloads.pod_failure([fine]) == READY
    assert look.workloads.pod_failure([fine, db]) == Progress("pod db-0 is Pending")


@pytest.mark.parametrize(
    ("steps", "want"),
    [
        ([("a", 0), ("a", 79)], [False, False]),
        ([("a", 0), ("a", 80)], [False, True]),
        ([("a", 0), ("b", 79), ("b", 80)], [False, False, False]),
        ([("a", 0), ("b", 1), ("b", 81)], [False, False, True]),
    ],
    ids=["patience", "its end", "something else is waited for", "in vain"],
)
def test_what_stays_the_same_for_too_long_is_waited_for_no_more(
    steps: list[tuple[str, float]], want: list[bool]
) -> None:
    look = Look()
    assert [look.workloads.is_overdue(Progress(text), now, 80.0) for text, now in steps] == want


def test_what_fails_is_not_waited_for() -> None:
    assert Look().workloads.is_overdue(Progress("a", failed=True), 0.0, 80.0)


def test_a_set_in_order_is_asked_of_once() -> None:
    look = Look().see(stateful_set())
    look.world.api.workloads.makes_pods = look.world.api.collector.is_on = False
    look.world.add(pod(0, "db-new"))
    look.world.patch("/api/v1/namespaces/mon/pods/db-0/status", {"status": pod(0)["status"]})
    look.asked("/pods")
    assert look.workloads.advance([STATEFUL_SET]) == READY
    assert look.asked("/pods") == 1
    assert look.workloads.advance([STATEFUL_SET]) == READY
    assert look.asked("/pods") == 0
    again = stateful_set()
    again["metadata"]["uid"] = "another"
    assert look.see(again).workloads.advance([STATEFUL_SET]) != READY
    assert look.asked("/pods") == 1


def test_a_set_that_kubernetes_rolls_is_left_to_it() -> None:
    look = Look().see(stateful_set(updateStrategy={"type": "RollingUpdate"}))
    assert look.workloads.advance([STATEFUL_SET]) == READY
    assert look.asked("/pods") == 0


def test_nothing_is_done_about_pods_before_the_state_is_that_of_the_spec() -> None:
    early = stateful_set()
    early["status"]["observedGeneration"] = 2
    look = Look().see(early)
    assert look.workloads.advance([STATEFUL_SET]) == Progress("StatefulSet db: not observed yet")
    assert look.asked("/pods") == 0


def test_claims_are_looked_at_once_for_each_state_of_their_templates() -> None:
    template = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    look = Look()
    look.world.api.workloads.is_on = False
    made = claim("2Gi")
    made["metadata"] = {"name": "data-db-0", "namespace": "mon", "labels": {"app": "db"}}
    look.world.add(made)
    look.world.patch("/api/v1/namespaces/mon/persistentvolumeclaims/data-db-0/status", {"status": made["status"]})
    rolling = {"updateStrategy": {"type": "RollingUpdate"}}
    look.asked("")
    counts = []
    for given in ([template], [template], [{**template, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}], []):
        look.see(stateful_set(volumeClaimTemplates=given, **rolling)).workloads.advance([STATEFUL_SET])
        counts.append(look.asked("/persistentvolumeclaims"))
    assert counts == [1, 0, 1, 0]


def test_a_claim_of_a_set_that_cannot_grow_is_told_once() -> None:
    template = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "4Gi"}}}}
    look = Look()
    made = claim("2Gi")
    made["metadata"] = {"name": "data-db-0", "namespace": "mon", "labels": {"app": "db"}}
    look.world.add(made)
    given = stateful_set(volumeClaimTemplates=[template], updateStrategy={"type": "RollingUpdate"})
    for _ in range(2):
        assert look.see(given).workloads.advance([STATEFUL_SET]) == READY
    assert look.notes == ["claim data-db-0 cannot grow to 4Gi: storage class (default) cannot be read"]


def test_a_set_is_not_ready_while_a_claim_of_its_grows_and_says_what_it_lacks_first() -> None:
    template = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    look = Look()
    look.world.api.workloads.is_on = False
    made = claim("1Gi")
    made["metadata"] = {"name": "data-db-0", "namespace": "mon", "labels": {"app": "db"}}
    look.world.add(made)
    look.world.patch("/api/v1/namespaces/mon/persistentvolumeclaims/data-db-0/status", {"status": made["status"]})
    given = stateful_set(volumeClaimTemplates=[template], updateStrategy={"type": "RollingUpdate"})
    assert look.see(given).workloads.advance([STATEFUL_SET]) == Progress(
        "StatefulSet db: claim data-db-0 is being resized"
    )
    given["status"]["readyReplicas"] = 0
    assert look.see(given).workloads.advance([STATEFUL_SET]) == Progress("StatefulSet db: readyReplicas is 0 of 1")


def test_what_is_remembered_of_children_that_are_not_wanted_goes() -> None:
    kept, gone = DEPLOYMENT, STATEFUL_SET
    children = ChildState(
        verified=dict.fromkeys((kept, gone), Verified("u", "1", b"")),
        seen=dict.fromkeys((kept, gone), 0.0),
        generations=dict.fromkeys((kept, gone), ("u", 1)),
    )
    rollouts = RolloutState(inspected=dict.fromkeys((kept, gone), "u"), claims=dict.fromkeys((kept, gone), ("u", b"")))
    conflicts = ConflictState(rewrites={child: (b"", [0.0]) for child in (kept, gone)})
    OwnerState(children=children, rollout=rollouts, conflicts=conflicts).keep([kept])
    remembered = (children.verified, children.seen, children.generations, rollouts.inspected, rollouts.claims)
    assert [set(each) for each in (*remembered, conflicts.rewrites)] == [{kept}] * 6


def test_the_age_of_an_object_begins_anew_when_it_was_gone() -> None:
    look, manifest = Look(), deployment()
    applier: Any = SimpleNamespace(client=look.world.system.client)
    rest: Any = None
    children = Children("mon", look.world.system.stores, applier, ChildState(), rest, rest, rest, rest)
    ages = [children.age_seconds(manifest)]
    for type_ in ("ADDED", "MODIFIED", "DELETED", "ADDED"):
        look.world.clock.seconds += 7
        look.world.system.stores.of(resource.DEPLOYMENTS).apply(Event(type_, manifest))
        ages.append(children.age_seconds(manifest))
    assert ages == [0, 0, 7, 0, 0]


def applied(*waiting: dict[str, Any], left_out: LeftOut | None = None, **lacking: Progress) -> Applied:
    """What has become of a plan."""
    plan = Plan(now=(), waiting=waiting, last=(), children={})
    progress = next(iter(lacking.values()), READY)
    return Applied(plan=plan, left_out=left_out or LeftOut(), written={}, progress=progress, lacking=lacking)


def test_the_conditions_of_parts_say_what_each_lacks() -> None:
    parts = (
        Workload(name="ready", condition="A", is_counted=False),
        Workload(name="slow", condition="B", is_counted=False),
        Workload(name="db", condition="C", is_counted=True),
        Workload(name="", condition="D", is_counted=False),
        Workload(name="untold", condition="", is_counted=False),
    )
    queue = {"kind": "Service", "metadata": {"name": "ready"}}
    found = applied(deployment("db"), queue, slow=Progress("0 of 2"))
    assert found.queued == ["db"]
    assert found.conditions(parts) == {"A": "", "B": "0 of 2", "C": "waits for its turn", "D": None}
    left_out = LeftOut()
    left_out.refuse(deployment("ready"), "it is somebody else's")
    assert applied(left_out=left_out).conditions(parts[:1]) == {"A": "is left out"}


def test_whether_all_is_there_is_not_known_where_a_workload_is_somebody_elses() -> None:
    assert applied().is_available is True
    assert applied(db=Progress("0 of 1")).is_available is False
    left_out = LeftOut()
    left_out.refuse(deployment(), "it is somebody else's")
    assert applied(left_out=left_out).is_available is None

"""What goes together in an object and what does not, and what a default leaves to others."""

import pytest

from test.kube.manager import MANAGER
from vmagent_operator.kube.errors import Invalid
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write import diff, keyed, restore
from vmagent_operator.kube.write.managedfields import Migration, is_yielded


def test_a_volume_has_one_source_and_a_probe_one_handler() -> None:
    ours, theirs = {"name": "v", "secret": {}}, {"name": "v", "secret": {}, "emptyDir": {}}
    assert keyed.rivals(ours, theirs, "spec.volumes[v]") == {"emptyDir"}
    assert keyed.rivals(ours, ours, "spec.volumes[v]") == frozenset()
    assert keyed.rivals({"name": "v"}, {"name": "x", "key": 1}, "spec.things[v]") == frozenset()
    assert keyed.rivals({"periodSeconds": 5}, {"httpGet": {}}, "spec.livenessProbe") == frozenset()
    probe = {"httpGet": {}, "periodSeconds": 5}
    assert keyed.rivals(probe, {**probe, "tcpSocket": {}}, "spec.livenessProbe") == {"tcpSocket"}


def workload(replicas: int | None, **metadata: object) -> Manifest:
    spec = {} if replicas is None else {"replicas": replicas}
    head = {"apiVersion": "apps/v1", "kind": "Deployment"}
    return {**head, "metadata": {"name": "d", "labels": {"a": "b"}, **metadata}, "spec": {**spec, "paused": True}}


def live(replicas: int, fields: Manifest) -> Manifest:
    entry = {"manager": "me", "operation": "Apply", "fieldsV1": {"f:metadata": {"f:labels": {"f:a": {}}}, **fields}}
    return workload(replicas, uid="u", resourceVersion="1", managedFields=[entry])


@pytest.mark.parametrize(("desired", "is_ours", "acts"), [(1, False, False), (1, True, True), (None, False, False)])
def test_a_number_of_pods_is_left_to_who_set_it_since(desired: int | None, is_ours: bool, acts: bool) -> None:
    fields: Manifest = {"f:paused": {}, **({"f:replicas": {}} if is_ours else {})}
    migration = Migration(yielded=frozenset({"spec.replicas"}))
    step = diff.step(workload(desired), live(5, {"f:spec": fields}), MANAGER, migration)
    assert (step is not None) is acts


def update(manager: str, **fields: Manifest) -> Manifest:
    return {"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}, **fields}}


EARLIER = update("app", **{"f:metadata": {"f:labels": {f"f:{MANAGER.upgrades_label}": {}}}})
OURS = {**update("me"), "operation": "Apply"}


@pytest.mark.parametrize(
    ("replicas", "entries", "is_theirs"),
    [
        (None, [], False),
        (5, [], True),  # as a backup restores it: nobody is known to hold it
        (5, [OURS], False),
        (5, [EARLIER], False),  # a default of the earlier operator's is one of ours
        (5, [update("kubectl")], True),
        (5, [EARLIER, update("kubectl")], True),
        (5, [{**update("kubectl"), "fieldsV1": {"f:spec": {"f:paused": {}}}}, EARLIER], False),
        (5, [update("before-first-apply", **EARLIER["fieldsV1"])], True),
    ],
)
def test_a_default_yields_to_what_anybody_but_us_or_an_earlier_operator_holds(
    replicas: int | None, entries: list[Manifest], is_theirs: bool
) -> None:
    live = workload(replicas, managedFields=entries)
    assert is_yielded("spec.replicas", workload(1), live, MANAGER) is is_theirs


def test_a_refused_item_leads_to_its_list_and_to_what_that_is_in() -> None:
    refusal = Invalid("no", causes=(("FieldValueInvalid", "spec.template.spec.containers[0].livenessProbe.tcpSocket"),))
    places = restore._places(refusal)
    base = "spec.template.spec.containers[]"
    assert places == {f"{base}.livenessProbe.tcpSocket", f"{base}.livenessProbe"}
    item = restore._places(Invalid("no", causes=(("FieldValueDuplicate", "spec.ports[1].name"),)))
    assert item == {"spec.ports[].name", "spec.ports[]", "spec.ports"}

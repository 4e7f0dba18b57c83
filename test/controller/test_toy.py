"""Another kind of owner is a row: engine and steps run one that they have never heard of, beside VMAgents of the same name."""

from test.controller.world import World, agent
from test.desired.test_component import TOY, TOYS, ToySpec, desired
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine.kind import OwnerKind
from vmagent_operator.controller.kinds import OWNERS
from vmagent_operator.desired.stages import Desired, Inputs, Stage
from vmagent_operator.identity import API_VERSION, FINALIZER

KEY = NAMESPACE, NAME = ("monitoring", "main")
PATH = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/toys/{NAME}"


def _desired(inputs: Inputs) -> Desired:
    return Desired(stages=(Stage(objects=tuple(desired(inputs.owner))),))


def _scale(toy: CustomObject[ToySpec]) -> dict[str, int]:
    return {"replicas": toy.spec.apps.replica_count or 1} if toy.spec else {}


TOY_OWNER = OwnerKind(kind=TOYS, apps=(TOY,), desired=_desired, scale=_scale)


def world() -> World:
    """A cluster whose operator runs both kinds."""
    found = World(owners=(*OWNERS, TOY_OWNER))
    found.add(agent())
    claim = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    metadata = {"namespace": NAMESPACE, "name": NAME}
    found.add(
        {
            "apiVersion": API_VERSION,
            "kind": "Toy",
            "metadata": metadata,
            "spec": {"claim": claim, "budget": {"maxUnavailable": 1}},
        }
    )
    found.settle(120)
    return found


def test_each_has_its_own_objects_status_and_finalizer() -> None:
    at = world()
    toy = at.get("toys.operator.victoriametrics.com", NAMESPACE, NAME)
    assert toy["status"]["updateStatus"] == "operational"
    assert toy["status"]["replicas"] == 1
    assert toy["metadata"]["finalizers"] == [FINALIZER]
    assert at.names("statefulsets.apps") == ["toy-main"]
    assert at.names("deployments.apps") == ["vmagent-main"]
    assert {"toy-main", "vmagent-main"} <= {*at.names("services")}
    assert {"toy-main", "vmagent-main"} <= {*at.names("vmservicescrapes.operator.victoriametrics.com")}


def test_a_child_of_one_wakes_nobody_else_and_is_made_again() -> None:
    at = world()
    agents, toys = (at.system.owners[name].reconciler.states.of(*KEY) for name in ("vmagent", "toy"))
    before = agents.children.verified.copy()
    at.delete(f"/api/v1/namespaces/{NAMESPACE}/services/toy-main")
    at.settle(60)
    assert "toy-main" in at.names("services")
    assert agents.children.verified == before
    assert len(toys.children.verified) == 5


def test_what_one_no_longer_asks_for_is_pruned_and_the_others_stay() -> None:
    at = world()
    assert at.names("poddisruptionbudgets.policy") == ["toy-main"]
    at.patch(PATH, {"spec": {"budget": None}})
    at.settle(60)
    assert at.names("poddisruptionbudgets.policy") == []
    at.delete(PATH)
    at.settle(60)
    assert at.names("toys.operator.victoriametrics.com") == []
    assert at.get("vmagents.operator.victoriametrics.com", *KEY)["status"]["updateStatus"] == "operational"
    assert at.names("deployments.apps") == ["vmagent-main"]


def test_at_rest_neither_writes() -> None:
    at = world()
    before = len(at.writes())
    at.settle(300)
    assert at.writes()[before:] == []
    at.start()
    at.settle(300)
    assert at.writes() == []

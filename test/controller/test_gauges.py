"""What is computed when somebody asks for metrics: what waits, what runs, what is known, and what is out of order."""

from test.controller.world import World, agent
from vmagent_operator.controller.gauges import gauges
from vmagent_operator.controller.steps.conflicts import QUIET_SECONDS
from vmagent_operator.kube.queue import Priority

OURS = "vmagent_operator_"
ROW = ("vmagent", "vmagent")


def of(world: World, name: str) -> dict[tuple[str, ...], float]:
    """The values of a gauge by those of its labels."""
    (found,) = [dict(values) for each, _, _, values in gauges(world.system) if each == name]
    return found


def busy() -> World:
    """An operator with an agent at rest."""
    world = World()
    world.add(agent(remoteWrite=[{"url": "http://vm", "bearerTokenSecret": {"name": "token", "key": "t"}}]))
    world.add({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token", "namespace": "monitoring"}})
    world.patch("/api/v1/namespaces/monitoring/secrets/token", {"stringData": {"t": "x"}})
    world.settle()
    return world


def test_keys_that_wait_are_told_by_how_urgent_they_are() -> None:
    world = busy()
    queue = world.system.owners["vmagent"].queue
    queue.add(("a", "x"), Priority.HIGH)
    queue.add(("b", "y"), Priority.LOW)
    queue.add(("c", "z"), Priority.LOW)
    depth = of(world, "workqueue_depth")
    assert (depth[*ROW, "0"], depth[*ROW, "-100"]) == (1, 2)
    assert depth["vmpodscrape", "vmpodscrape", "0"] == 0


def test_reconciles_that_run_are_told_with_how_long_they_have_taken() -> None:
    world = busy()
    queue = world.system.owners["vmagent"].queue
    queue.add(("a", "x"))
    assert queue.pop() == ("a", "x")
    world.clock.seconds += 5
    queue.add(("b", "y"))
    assert queue.pop() == ("b", "y")
    world.clock.seconds += 2
    assert of(world, "controller_runtime_active_workers")["vmagent",] == 2
    assert of(world, "workqueue_unfinished_work_seconds")[ROW] == 9
    assert of(world, "workqueue_longest_running_processor_seconds")[ROW] == 7
    assert of(world, "workqueue_longest_running_processor_seconds")["vmprobe", "vmprobe"] == 0


def test_known_objects_and_what_their_statuses_say_are_counted() -> None:
    world = busy()
    world.add(agent(name="still", paused=True))
    world.settle()
    counts = of(world, "operator_controller_objects_count")
    assert (counts["vmagent",], counts["vmservicescrape",], counts["vmsingle",]) == (2, 1, 0)
    said = {labels[2:] for labels, value in of(world, "operator_object_status").items() if value}
    assert said == {("main", "operational"), ("still", "paused")}
    assert of(world, OURS + "reference_index_entries")[()] == len(world.system.mapper.usage.references) > 0
    assert set(of(world, OURS + "read_failures").values()) == {0}


def test_somebody_who_undoes_our_writes_is_told_as_long_as_it_counts() -> None:
    world = busy()
    labels = ("vmagent", "monitoring", "main")
    assert of(world, OURS + "write_flapping") == {labels: 0}
    world.system.owners["vmagent"].reconciler.states.of("monitoring", "main").conflicts.until = (
        world.clock.seconds + QUIET_SECONDS
    )
    assert of(world, OURS + "write_flapping") == {labels: 1}
    world.clock.seconds += QUIET_SECONDS
    assert of(world, OURS + "write_flapping") == {labels: 0}


def test_each_store_is_told_apart() -> None:
    world = busy()
    key = ("VMAgent", "")
    assert of(world, OURS + "informer_synced")[key] == 1
    assert of(world, OURS + "informer_healthy")[key] == 1
    assert of(world, OURS + "informer_objects")[key] == 1
    active = of(world, OURS + "informer_last_activity_timestamp_seconds")[key]
    assert world.clock.start.timestamp() <= active <= world.clock.now().timestamp()
    assert of(world, OURS + "kind_available")["VMAgent",] == 1


def test_a_kind_that_is_not_served_and_a_store_that_has_read_nothing_are_told() -> None:
    world = World()
    assert of(world, OURS + "informer_synced")["VMAgent", ""] == 0
    assert of(world, OURS + "informer_last_activity_timestamp_seconds")["VMAgent", ""] == 0
    world.delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/vmprobes.operator.victoriametrics.com")
    world.settle()
    served = of(world, OURS + "kind_available")
    assert (served["VMProbe",], served["VMAgent",]) == (0, 1)

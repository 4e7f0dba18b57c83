"""When what a store lacks may be believed to be absent, and what a first reconcile waits for."""

from types import SimpleNamespace
from typing import Any

import pytest

from test.controller.test_conversion import DEFINITIONS
from test.controller.world import VirtualClock, World
from vmagent_operator import settings
from vmagent_operator.controller.engine.informers import Informers, Listing
from vmagent_operator.controller.engine.kind import custom
from vmagent_operator.controller.engine.stores import CLUSTER_RBAC, sources
from vmagent_operator.controller.kinds import OWNERS
from vmagent_operator.controller.vmagent import VMAGENT
from vmagent_operator.identity import OPERATOR
from vmagent_operator.kube import resource
from vmagent_operator.kube.cache.state import Phase


def informer(
    *,
    since: float | None = None,
    absent_at: float | None = None,
    phase: Phase = Phase.WATCHING,
    has_synced: bool = True,
) -> Any:
    """As much of an informer as tells of its state."""
    state = SimpleNamespace(unhealthy_since=since, absent_at=absent_at, phase=phase, error="")
    return SimpleNamespace(state=state, is_healthy=since is None, has_synced=has_synced)


def informers(now: float = 1000.0, **of: Any) -> Informers:
    """Healthy ones for everything, but for those that are given by their plural."""
    clock = VirtualClock(now)
    found = Informers(
        sources(settings.load({}), OWNERS, watch_references=True),
        clock,
        Listing(page_size=500, watch_seconds=300.0, jitter=lambda: 0.0),
    )
    for source in found.sources:
        kind = source.resource
        found.by_kind[kind] = [of.get(kind.plural) or informer()]
    return found


@pytest.mark.parametrize(
    ("trouble", "is_healthy"),
    [
        (informer(), True),
        (informer(since=970), True),
        (informer(since=969), False),
        (informer(since=999, absent_at=941), False),
        (informer(since=999, absent_at=940), True),
        (informer(absent_at=999), True),
    ],
    ids=[
        "all is well",
        "a short trouble",
        "a long one",
        "absent of late",
        "absent for long",
        "absent once, and there again",
    ],
)
@pytest.mark.parametrize("of", ["services", "secrets", "poddisruptionbudgets"])
def test_nothing_is_removed_while_a_store_may_be_behind(trouble: Any, is_healthy: bool, of: str) -> None:
    found = informers(**{of: trouble})
    assert found.is_healthy(resource.SERVICES) == (is_healthy or of == "poddisruptionbudgets")
    assert found.is_healthy(resource.PODDISRUPTIONBUDGETS) == is_healthy


@pytest.mark.parametrize(
    ("state", "is_current"),
    [(informer(), True), (informer(since=1.0), False), (informer(phase=Phase.ABSENT), False)],
)
def test_a_store_follows_its_kind_unless_something_is_amiss(state: Any, is_current: bool) -> None:
    found = informers(secrets=state)
    assert found.is_current(resource.SECRETS) == is_current
    assert found.is_current(resource.CONFIGMAPS)
    assert found.is_current(resource.PODS)  # which nobody watches


@pytest.mark.parametrize(
    ("kind", "phase"),
    [("VMProbe", Phase.BACKOFF), ("ServiceMonitor", Phase.ABSENT), ("PodDisruptionBudget", Phase.ABSENT)],
)
def test_a_kind_of_ours_is_not_believed_to_be_gone_while_its_definition_is_there(kind: str, phase: Phase) -> None:
    world = World(definitions=DEFINITIONS)
    world.settle()
    for key in [key for key, served in world.api.served.items() if served.name == kind]:
        del world.api.served[key]
    world.start()
    world.settle(300)
    (found,) = [each for each in world.informers if each.collection.resource.kind == kind]
    assert found.state.phase is phase


def test_only_what_every_decision_needs_is_waited_for() -> None:
    late = informer(has_synced=False)
    assert informers(secrets=late, poddisruptionbudgets=late).unsynced() == [late]
    assert len(informers().required()) == sum(source.is_required for source in informers().sources)


def test_in_namespaces_nothing_of_the_cluster_is_watched() -> None:
    everywhere = sources(settings.load({}), OWNERS, watch_references=True)
    some = sources(settings.load({"WATCH_NAMESPACE": "a,b"}), OWNERS, watch_references=True)
    gone = {source.resource for source in everywhere} - {source.resource for source in some}
    assert gone == {resource.NAMESPACES, *CLUSTER_RBAC}


def test_what_is_in_namespaces_is_watched_in_each_of_those_that_are_asked_for() -> None:
    for environ, wanted in (({}, {None}), ({"WATCH_NAMESPACE": "a,b"}, {"a", "b"})):
        found = World(environ).informers
        assert {each.collection.namespace for each in found if each.collection.resource.namespaced} == wanted
        assert {each.collection.namespace for each in found if not each.collection.resource.namespaced} <= {None}


def test_references_are_watched_by_their_metadata_and_everywhere_unless_asked_otherwise() -> None:
    for watches in (True, False):
        found = {source.resource: source for source in sources(settings.load({}), OWNERS, watch_references=watches)}
        for kind in (resource.SECRETS, resource.CONFIGMAPS):
            assert found[kind].metadata_only
            assert found[kind].is_required
            assert bool(found[kind].selector) != watches
        assert found[resource.SERVICES].selector
        assert not found[resource.SERVICES].metadata_only
        assert not found[custom(VMAGENT.kind)].selector


def test_which_kinds_a_decision_cannot_do_without() -> None:
    found = {
        source.resource: source.is_required for source in sources(settings.load({}), OWNERS, watch_references=True)
    }
    optional = {kind.plural for kind, is_required in found.items() if not is_required}
    assert optional == {
        "poddisruptionbudgets",
        "horizontalpodautoscalers",
        "networkpolicies",
        "rolebindings",
        "roles",
        "clusterrolebindings",
        "clusterroles",
        "persistentvolumeclaims",
        *("servicemonitors", "podmonitors", "probes", "scrapeconfigs"),
        *(["verticalpodautoscalers"] if settings.load({}).vpa_api_enabled else []),
    }


def raw(**rest: Any) -> dict[str, Any]:
    """An object as the server sends it."""
    theirs = {"manager": "kubectl", "operation": "Update"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "x",
            "namespace": "ns",
            "uid": "u",
            "resourceVersion": "7",
            "selfLink": "/old",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{...}", "note": "a"},
            "managedFields": [theirs, {"manager": OPERATOR, "operation": "Apply"}],
        },
        "spec": {"type": "ClusterIP"},
        "status": {"loadBalancer": {}},
        **rest,
    }


@pytest.mark.parametrize(
    ("kind", "keys", "annotations", "managers"),
    [
        (resource.SERVICES, {"spec"}, {"note": "a"}, [OPERATOR]),
        (resource.DEPLOYMENTS, {"spec", "status"}, {"note": "a"}, [OPERATOR]),
        (resource.SECRETS, set(), None, None),
    ],
)
def test_what_is_kept_of_an_object_is_what_is_read_of_it(
    kind: Any, keys: set[str], annotations: Any, managers: Any
) -> None:
    (transform,) = [
        source.transform
        for source in sources(settings.load({}), OWNERS, watch_references=True)
        if source.resource == kind
    ]
    kept = transform(raw())
    assert kept.keys() == {"apiVersion", "kind", "metadata", *keys}
    assert kept["metadata"].get("annotations") == annotations
    found = kept["metadata"].get("managedFields")
    assert (found and [entry["manager"] for entry in found]) == managers
    assert "selfLink" not in kept["metadata"]


def test_a_kind_that_is_not_watched_has_nothing() -> None:
    stores = World({"WATCH_NAMESPACE": "monitoring"}).system.stores
    assert resource.NAMESPACES not in stores
    assert stores.get(resource.NAMESPACES, None, "monitoring") is None
    assert stores.items(resource.NAMESPACES) == ()
    assert stores.owned(resource.NAMESPACES, ("vmagent", "monitoring", "main")) == ()
    assert stores.namespaces() == {}

"""A VMSingle in a cluster: its objects follow its spec, its data never go unasked, and at rest nothing is written."""

from typing import Any

import pytest

from test.controller.test_crashes import Fragile, Killed
from test.controller.test_passes import change
from test.controller.world import World, agent, scrape
from test.simulate import VERTICAL, _defined
from vmagent_operator.identity import ALLOW_EXPANSION, API_VERSION, FINALIZER

SINGLES, CLAIMS = "vmsingles.operator.victoriametrics.com", "persistentvolumeclaims"
KEY = NAMESPACE, NAME = ("monitoring", "main")
PATH = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/vmsingles/{NAME}"
CLAIM = "vmsingle-main"
CLAIM_PATH = f"/api/v1/namespaces/{NAMESPACE}/{CLAIMS}/{CLAIM}"
FULL: dict[str, Any] = {
    "selectAllByDefault": True,
    "ingestOnlyMode": False,
    "inlineRelabelConfig": [{"action": "drop", "sourceLabels": ["a"]}],
    "streamAggrConfig": {"rules": [{"interval": "1m", "outputs": ["last"]}]},
    "networkPolicy": {"ingress": [{}]},
    "vpa": {
        "updatePolicy": {"updateMode": "Auto"},
        "resourcePolicy": {"containerPolicies": [{"containerName": "vmsingle"}]},
    },
    "serviceSpec": {"spec": {"type": "NodePort"}},
    "managedMetadata": {"labels": {"team": "a"}, "annotations": {"note": "a"}},
    "affinity": {"nodeAffinity": {}},
}


def storage(size: str) -> dict[str, Any]:
    return {"storage": {"resources": {"requests": {"storage": size}}}}


def single(**spec: Any) -> dict[str, Any]:
    """A VMSingle."""
    metadata = {"name": NAME, "namespace": NAMESPACE}
    return {"apiVersion": API_VERSION, "kind": "VMSingle", "metadata": metadata, "spec": spec}


def world(**spec: Any) -> World:
    """A cluster with a VMSingle at rest, beside a VMAgent of the same name."""
    found = World({"VM_VPA_API_ENABLED": "true"})
    _defined(found.api, VERTICAL)
    found.start()
    found.add(agent())
    found.add(scrape(namespace=NAMESPACE))
    found.add(single(**spec))
    found.settle(120)
    assert status(found)["updateStatus"] == "operational"
    return found


def status(at: World) -> dict[str, Any]:
    found: dict[str, Any] = at.get(SINGLES, *KEY).get("status") or {}
    return found


def claim(at: World) -> dict[str, Any]:
    return at.get(CLAIMS, NAMESPACE, CLAIM)


def size(at: World) -> str:
    found: str = claim(at)["spec"]["resources"]["requests"]["storage"]
    return found


def edit(at: World, **spec: Any) -> None:
    """Change its spec, and let everything come to rest."""
    change(at, SINGLES, *KEY, **spec)
    at.settle(120)


@pytest.mark.parametrize("spec", [{}, storage("1Gi"), FULL, FULL | storage("1Gi") | {"removePvcAfterDelete": True}])
def test_at_rest_nothing_is_written(spec: dict[str, Any]) -> None:
    at = world(**spec)
    before = len(at.writes())
    at.settle(300)
    assert at.writes()[before:] == []
    at.start()
    at.settle(300)
    assert at.writes() == []


def test_scrape_objects_are_told() -> None:
    at = world(**FULL)
    told = at.get("vmservicescrapes.operator.victoriametrics.com", NAMESPACE, "app")["status"]["conditions"]
    assert [(each["type"], each["status"]) for each in told] == [
        ("Ready", "True"),
        ("main.monitoring.vmsingle.victoriametrics.com/Applied", "True"),
    ]


@pytest.mark.parametrize(
    ("without", "resource", "name"),
    [
        ("networkPolicy", "networkpolicies.networking.k8s.io", "vmsingle-main"),
        ("serviceSpec", "services", "vmsingle-main-additional-service"),
        ("vpa", "verticalpodautoscalers.autoscaling.k8s.io", "vmsingle-main"),
        ("inlineRelabelConfig", "configmaps", "relabelings-assets-vmsingle-main"),
        ("streamAggrConfig", "configmaps", "stream-aggr-vmsingle-main"),
        ("ingestOnlyMode", "secrets", "tls-assets-vmsingle-main"),
        ("ingestOnlyMode", "secrets", "vmsingle-main"),
        ("ingestOnlyMode", "clusterroles.rbac.authorization.k8s.io", "monitoring:monitoring:vmsingle-main"),
        ("ingestOnlyMode", "roles.rbac.authorization.k8s.io", "monitoring:monitoring:vmsingle-main"),
    ],
)
def test_what_is_no_longer_asked_for_goes(without: str, resource: str, name: str) -> None:
    at = world(**FULL)
    assert name in at.names(resource)
    edit(at, **{without: None})
    assert status(at)["updateStatus"] == "operational"
    assert name not in at.names(resource)
    assert "vmagent-main" in at.names("deployments.apps")


@pytest.mark.parametrize(
    ("without", "flag", "mount"),
    [
        ("inlineRelabelConfig", "-relabelConfig=", "/etc/vm/relabeling"),
        ("streamAggrConfig", "-streamAggr.config=", "/etc/vm/stream-aggr"),
        ("ingestOnlyMode", "-promscrape.config=", "/etc/vm/config_out"),
    ],
)
def test_what_is_no_longer_asked_for_leaves_the_pod(without: str, flag: str, mount: str) -> None:
    def pod() -> tuple[str, set[str]]:
        main = at.get("deployments.apps", NAMESPACE, "vmsingle-main")["spec"]["template"]["spec"]["containers"][0]
        return str(main["args"]), {each["mountPath"] for each in main["volumeMounts"]}

    at = world(**FULL)
    args, mounts = pod()
    assert flag in args
    assert mount in mounts
    edit(at, **{without: None})
    args, mounts = pod()
    assert flag not in args
    assert mount not in mounts


def test_with_a_given_account_its_own_and_all_rights_go() -> None:
    at = world(**FULL)
    rights = [f"{kind}.rbac.authorization.k8s.io" for kind in ("roles", "rolebindings", "clusterroles")]
    name = "monitoring:monitoring:vmsingle-main"
    assert all(name in at.names(kind) for kind in rights)
    edit(at, serviceAccountName="theirs")
    assert "vmsingle-main" not in at.names("serviceaccounts")
    assert not [kind for kind in rights if name in at.names(kind)]
    pod = at.get("deployments.apps", NAMESPACE, "vmsingle-main")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "theirs"


def test_a_field_that_is_taken_away_leaves_nothing_behind() -> None:
    at = world(**FULL)
    edit(at, affinity=None, managedMetadata=None, disableSelfServiceScrape=True)
    deployment = at.get("deployments.apps", NAMESPACE, "vmsingle-main")
    assert "affinity" not in deployment["spec"]["template"]["spec"]
    assert "team" not in deployment["metadata"]["labels"]
    assert "annotations" not in deployment["metadata"] or "note" not in deployment["metadata"]["annotations"]
    assert "vmsingle-main" not in at.names("vmservicescrapes.operator.victoriametrics.com")
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("remove", [False, True])
def test_the_claim_goes_with_it_only_if_that_is_asked_for(remove: bool) -> None:
    at = world(removePvcAfterDelete=remove, **storage("1Gi"))
    assert bool(claim(at)["metadata"].get("ownerReferences")) == remove
    at.delete(PATH)
    at.settle(120)
    assert at.names(SINGLES) == []
    assert at.names("deployments.apps") == ["vmagent-main"]
    assert (CLAIM in at.names(CLAIMS)) != remove


def test_what_is_to_become_of_the_claim_can_be_changed() -> None:
    at = world(removePvcAfterDelete=True, **storage("1Gi"))
    edit(at, removePvcAfterDelete=False)
    assert "ownerReferences" not in claim(at)["metadata"]
    edit(at, removePvcAfterDelete=True)
    assert claim(at)["metadata"]["ownerReferences"][0]["name"] == NAME


def test_a_claim_that_somebody_ties_to_it_is_freed_again() -> None:
    at = world(**storage("1Gi"))
    head = {"apiVersion": API_VERSION, "kind": "VMSingle", "name": NAME}
    at.patch(CLAIM_PATH, {"metadata": {"ownerReferences": [head | {"uid": at.get(SINGLES, *KEY)["metadata"]["uid"]}]}})
    assert claim(at)["metadata"]["ownerReferences"]
    at.settle(120)
    assert "ownerReferences" not in claim(at)["metadata"]
    before = len(at.writes())
    at.settle(300)
    assert at.writes()[before:] == []


def test_a_paused_one_that_is_deleted_keeps_its_claim_whoever_made_it() -> None:
    at = world(removePvcAfterDelete=True, **storage("1Gi"))
    change(at, SINGLES, *KEY, paused=True, removePvcAfterDelete=False)
    at.settle(60)
    assert claim(at)["metadata"]["ownerReferences"]
    at.delete(PATH)
    at.settle(120)
    assert at.names(SINGLES) == []
    assert "ownerReferences" not in claim(at)["metadata"]


def test_a_later_one_of_the_name_takes_the_claim_over() -> None:
    at = world(**storage("1Gi"))
    at.delete(PATH)
    at.settle(120)
    uid = claim(at)["metadata"]["uid"]
    at.add(single(**storage("1Gi")))
    at.settle(120)
    assert status(at)["updateStatus"] == "operational"
    assert claim(at)["metadata"]["uid"] == uid


def _class(at: World, expands: bool) -> None:
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "disk"}}
    at.add({**head, "provisioner": "example.org/disk", "allowVolumeExpansion": expands})


@pytest.mark.parametrize("note", [None, "true", "false", "maybe"])
@pytest.mark.parametrize("expands", [None, False, True])
@pytest.mark.parametrize("wanted", ["2Gi", "512Mi", "1024Mi"])
def test_growth(wanted: str, expands: bool | None, note: str | None) -> None:
    at = World()
    if expands is not None:
        _class(at, expands)
    given: dict[str, Any] = {"storageMetadata": {"annotations": {ALLOW_EXPANSION: note}} if note else {}}
    given |= {"storage": {"storageClassName": "disk", "resources": {"requests": {"storage": "1Gi"}}}}
    at.add(single(**given))
    at.settle(120)
    edit(at, storage={"storageClassName": "other", "accessModes": ["ReadWriteMany"], **storage(wanted)["storage"]})
    is_allowed = wanted == "2Gi" and (note == "true" or (note is None and bool(expands)))
    assert size(at) == ("2Gi" if is_allowed else "1Gi")
    assert claim(at)["spec"]["storageClassName"] == "disk"
    assert claim(at)["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert status(at)["updateStatus"] == "operational"
    said = [message for _, _, message in at.events() if "stays at 1Gi" in message]
    assert bool(said) == (wanted != "1024Mi" and not is_allowed)
    before = len(at.writes())
    at.settle(300)
    assert at.writes()[before:] == []


def test_growth_in_the_watched_namespaces_needs_the_annotation() -> None:
    at = World({"WATCH_NAMESPACE": NAMESPACE})
    _class(at, expands=True)
    at.add(single(**storage("1Gi")))
    at.settle(120)
    edit(at, **storage("2Gi"))
    assert size(at) == "1Gi"
    at.patch(CLAIM_PATH, {"metadata": {"annotations": {ALLOW_EXPANSION: "true"}}})
    at.settle(120)
    assert size(at) == "2Gi"


def test_a_volume_that_grows_is_waited_for() -> None:
    at = world(storageMetadata={"annotations": {ALLOW_EXPANSION: "true"}}, **storage("1Gi"))
    at.api.workloads.is_on = False
    edit(at, **storage("2Gi"))
    assert size(at) == "2Gi"
    assert status(at)["updateStatus"] == "expanding"
    assert "is being resized" in status(at)["reason"]
    at.api.workloads.is_on = True
    at.api.tick()
    at.settle(60)
    assert status(at)["updateStatus"] == "operational"


def test_data_do_not_go_out_of_sight() -> None:
    at = world(**storage("1Gi"))
    edit(at, storage=None)
    assert status(at)["updateStatus"] == "failed"
    assert status(at)["reason"].startswith("spec.storage: the data are in claim vmsingle-main")
    (volume,) = at.get("deployments.apps", NAMESPACE, "vmsingle-main")["spec"]["template"]["spec"]["volumes"]
    assert volume["persistentVolumeClaim"] == {"claimName": CLAIM}
    edit(at, volumes=[{"name": "data", "hostPath": {"path": "/data"}}])
    assert status(at)["updateStatus"] == "operational"
    assert CLAIM in at.names(CLAIMS)


def test_another_way_to_name_objects_does_not_leave_the_data_behind() -> None:
    at = world(**storage("1Gi"))
    edit(at, useLegacyNaming=True)
    assert status(at)["updateStatus"] == "failed"
    assert status(at)["reason"].startswith("spec.useLegacyNaming: ")
    assert CLAIM in status(at)["reason"]
    assert "main" not in at.names("deployments.apps")
    edit(at, useLegacyNaming=None)
    assert status(at)["updateStatus"] == "operational"


def test_a_claim_of_somebody_elses_is_not_used() -> None:
    at = World()
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": CLAIM, "namespace": NAMESPACE, "labels": {"app": "mine"}}
    at.add({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})
    at.add(single(**storage("2Gi")))
    at.settle(120)
    assert status(at)["updateStatus"] == "failed"
    assert "PersistentVolumeClaim monitoring/vmsingle-main exists and is not this VMSingle's" in status(at)["reason"]
    assert size(at) == "1Gi"
    assert at.names("deployments.apps") == []


def test_a_claim_that_is_being_deleted_is_left_alone() -> None:
    at = world(**storage("1Gi"))
    at.patch(CLAIM_PATH, {"metadata": {"finalizers": ["kubernetes.io/pvc-protection", "example.org/backup"]}})
    at.delete(CLAIM_PATH)
    at.settle(60)
    edit(at, logLevel="WARN")
    (container,) = at.get("deployments.apps", NAMESPACE, "vmsingle-main")["spec"]["template"]["spec"]["containers"]
    assert "-loggerLevel=WARN" in container["args"]
    assert any("is being deleted, with its data" in message for _, _, message in at.events())


@pytest.mark.parametrize("given", [{}, {"replicaCount": 1}])
@pytest.mark.parametrize("pods", [0, 2])
def test_it_has_one_pod_whatever_an_autoscaler_or_a_person_sets(given: dict[str, Any], pods: int) -> None:
    at = world(**given, **storage("1Gi"))
    at.patch(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/vmsingle-main/scale", {"spec": {"replicas": pods}})
    at.settle(120)
    assert at.get("deployments.apps", NAMESPACE, "vmsingle-main")["spec"]["replicas"] == 1
    edit(at, replicaCount=0)
    assert at.get("deployments.apps", NAMESPACE, "vmsingle-main")["spec"]["replicas"] == 0
    assert status(at)["updateStatus"] == "operational"


SCRAPING = {"ingestOnlyMode": False, "selectAllByDefault": True}
SCENARIOS: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    "create": (None, storage("1Gi") | {"selectAllByDefault": True, "ingestOnlyMode": False}),
    "scrape": (storage("1Gi"), {"ingestOnlyMode": False, "selectAllByDefault": True}),
    "scrape no longer": (FULL, {"ingestOnlyMode": None}),
    "image": (storage("1Gi"), {"image": {"tag": "v1.149.0"}, "extraArgs": {"dedup.minScrapeInterval": "30s"}}),
    "stop": (storage("1Gi"), {"replicaCount": 0}),
    "name": (SCRAPING, {"useLegacyNaming": True}),
    "account": (SCRAPING, {"serviceAccountName": "theirs"}),
    "keep": (storage("1Gi") | {"removePvcAfterDelete": True}, {"removePvcAfterDelete": False}),
    "grow": (storage("1Gi") | {"storageMetadata": {"annotations": {ALLOW_EXPANSION: "true"}}}, storage("2Gi")),
    "delete": (FULL | storage("1Gi") | {"removePvcAfterDelete": False}, {}),
}


def _prepared(before: dict[str, Any] | None, after: dict[str, Any]) -> World:
    at = World({"VM_VPA_API_ENABLED": "true"})
    _defined(at.api, VERTICAL)
    at.start()
    at.add(scrape(namespace=NAMESPACE))
    if before is None:
        at.add(single(**after))
        return at
    at.add(single(**before))
    at.settle(20)
    if after:
        change(at, SINGLES, *KEY, **after)
    else:
        at.delete(PATH)
    return at


def _outcome(at: World) -> str:
    kept = claim(at)
    whose = [reference["name"] for reference in kept.get("metadata", {}).get("ownerReferences") or ()]
    return str(
        [
            sorted(map(str, at.children().items())),
            status(at).get("updateStatus"),
            kept.get("spec"),
            whose,
            at.names(SINGLES),
        ]
    )


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name == "name" else []) for name in SCENARIOS]
)
def test_a_crash_at_any_write_changes_nothing_in_the_end(name: str) -> None:
    undisturbed = _prepared(*SCENARIOS[name])
    undisturbed.settle(120)
    wanted = _outcome(undisturbed)
    for at in range(1, 80):
        for late in (False, True):
            disturbed = _prepared(*SCENARIOS[name])
            disturbed.connect(Fragile(disturbed.transport, at, late))
            try:
                disturbed.settle(60)
            except Killed:
                disturbed.start()
                disturbed.settle(120)
                assert _outcome(disturbed) == wanted, (
                    f"killed at write {at}, {'after' if late else 'before'} its effect"
                )
            else:
                assert at > 1
                return
    raise AssertionError("more writes than expected")


def test_its_finalizer_is_the_last_to_go() -> None:
    at = world(**storage("1Gi"))
    assert at.get(SINGLES, *KEY)["metadata"]["finalizers"] == [FINALIZER]

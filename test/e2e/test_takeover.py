"""Moving over from the Go operator, and back, restarts nothing and loses nothing: every recorded case on a real server."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import define, frozen

from test.controlplane.api import Api, Json, Refused
from test.controlplane.binaries import NEWEST, chosen
from test.controlplane.cluster import eventually
from test.controlplane.servers import Programs, programs, running
from test.e2e.predecessor import MANAGER, OWNER_NAMES, Predecessor, key_of, path_of
from test.golden.cases import CASES, DEVIATIONS, METADATA
from test.golden.compare import differences, documents, indexed
from vmagent_operator import settings
from vmagent_operator.api import crd, kinds
from vmagent_operator.cli import options
from vmagent_operator.cli.commands import render
from vmagent_operator.controller.engine.owners import FIELD_MANAGER
from vmagent_operator.controller.engine.result import Result
from vmagent_operator.controller.kinds import OWNERS
from vmagent_operator.controller.system import make_system
from vmagent_operator.identity import API_VERSION, OPERATOR
from vmagent_operator.kube.http import connection, credentials
from vmagent_operator.kube.http.client import Client

pytestmark = pytest.mark.cluster
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
FOREIGN = {"labels": {"example.com/team": "web"}, "annotations": {"example.com/note": "kept"}}
RESTARTED = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
REFUSED = {
    "port-that-is-not-a-number": "no API server takes a Service with such a port, whoever sends it",
    "zero-shards-is-not-sharded": "no API server takes the placeholder as a value of a label",
    "cluster-app-fields-of-vminsert": "no API server takes minDomains where pods are scheduled anyway",
}
"""Recorded cases that a real server refuses from both operators."""
COMPARED = ("vmagent", "storage")
"""Folders of the recorded cases that are taken over."""
MOST_PASSES = 4
OWN = f"/apis/{API_VERSION}"
VERTICAL_POD_AUTOSCALERS = {  # a kind of the cluster's own, whatever its objects hold
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "verticalpodautoscalers.autoscaling.k8s.io",
        "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes/kubernetes/pull/63797"},
    },
    "spec": {
        "group": "autoscaling.k8s.io",
        "scope": "Namespaced",
        "names": {"plural": "verticalpodautoscalers", "kind": "VerticalPodAutoscaler"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def _is_complete(name: str) -> bool:
    """Whether both operators succeed, from nothing."""
    is_fresh = CASES[name].parent.name in COMPARED and not METADATA[name].keys() & {"live", "deleted"}
    # a StatefulSet of another Service is made anew, on purpose
    is_kept = not any(path.endswith(".spec.serviceName") for path in DEVIATIONS.get(name, ()))
    is_ours = "exit" not in DEVIATIONS.get(name, ())
    return is_fresh and is_ours and is_kept and not (CASES[name] / "want.yaml").read_text().startswith("errors:")


NAMES = [name for name in CASES if _is_complete(name) and name not in REFUSED]


@frozen
class Server:
    """An API server without controllers, where nothing changes but by the two operators; `connection` is ours."""

    kubeconfig: Path
    api: Api
    connection: connection.Connection


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A fresh one, with the kinds that the cases need."""
    if chosen() != NEWEST:
        pytest.skip(
            f"the cases were recorded for Kubernetes {NEWEST}, and an old one does not know all of their fields"
        )
    bare = programs()
    with running(Programs(bare.etcd, bare.apiserver)) as kubeconfig:
        api = Api(kubeconfig)
        for kind in kinds.KINDS:
            api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd.manifest(kind))
        api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", VERTICAL_POD_AUTOSCALERS)
        served = (f"{OWN}/{kind.plural}" for kind in kinds.KINDS)
        for path in (*served, "/apis/autoscaling.k8s.io/v1/verticalpodautoscalers"):
            eventually(partial(_is_served, api, path))
        access = credentials.load(str(kubeconfig), environ={})
        yield Server(kubeconfig, api, connection.connect(access, agent="app/test", watches=1, workers=1).worker)


def _is_served(api: Api, path: str) -> bool:
    try:
        return api.find(path) is not None
    except Refused:  # the server is getting ready for a new kind
        return False


@define
class Writes:
    """A transport that counts what it is asked to change, statuses and events aside."""

    transport: connection.Connection
    paths: list[str]

    def request(self, method: str, path: str, **rest: Any) -> Any:
        """See Transport."""
        if method != "GET" and not path.endswith("/status") and "/events" not in path:
            self.paths.append(f"{method} {path}")
        return self.transport.request(method, path, **rest)

    def stream(self, path: str, **rest: Any) -> Any:
        """See Transport."""
        return self.transport.stream(path, **rest)


@define
class Successor:
    """Our operator: every pass is that of a process just started, so that nothing but the cluster can be remembered."""

    connection: connection.Connection
    environ: Mapping[str, str]

    def work(self) -> tuple[list[Result], list[str]]:
        """One pass for each owner: how it ended, and what was written."""
        writes = Writes(self.connection, [])
        client = Client(writes, manager=FIELD_MANAGER)
        system = make_system(client, client, settings.load(self.environ))
        for informer in system.watch():
            informer.step()
        system.discovered(options.server(self.environ.get("KUBERNETES_VERSION", "1.36")))
        owners = [(of, owner) for of in OWNERS for owner in system.stores.items(of.resource)]
        return [
            system.owners[of.name].reconciler.reconcile(owner.namespace, owner.name) for of, owner in owners
        ], writes.paths


@define
class History:
    """A case before the take-over, with what others have set, and after it. `again` is what a restart writes."""

    name: str
    predecessor: Predecessor
    before: dict[str, Json]
    after: dict[str, Json]
    again: list[str]


@pytest.fixture(scope="module", params=NAMES)
def history(request: pytest.FixtureRequest, server: Server) -> Iterator[History]:
    """One recorded case, taken over; gone afterwards."""
    with left_behind(server, request.param) as (predecessor, successor):
        before = predecessor.live()
        written = settled(predecessor, successor)
        yield History(request.param, predecessor, before, predecessor.live(), written)


@contextmanager
def left_behind(server: Server, name: str) -> Iterator[tuple[Predecessor, Successor]]:
    """A recorded case as the Go operator and others left it, and ours, which has not done anything yet."""
    predecessor = Predecessor(server.api, documents(CASES[name] / "given.yaml"), documents(CASES[name] / "want.yaml"))
    environ = {key: str(value) for key, value in (METADATA[name].get("env") or {}).items()}
    try:
        predecessor.install()
        _touch(predecessor)
        yield predecessor, Successor(server.connection, environ)
    finally:
        predecessor.remove()


def settled(predecessor: Predecessor, successor: Successor) -> list[str]:
    """Let our operator finish; what it wrote when it was started once more. AssertionError if an owner is not done."""
    for _ in range(MOST_PASSES):
        outcomes, written = successor.work()
        if not written:
            break
        predecessor.roll_out()
    assert {outcome.kind for outcome in outcomes} == {"done"}, outcomes
    return written


def _touch(predecessor: Predecessor) -> None:
    """Set something on every object as people and other controllers do."""
    for manifest in predecessor.children():
        patch: Json = {"metadata": FOREIGN}
        if manifest["kind"] in WORKLOADS:
            patch["spec"] = {"template": {"metadata": {"annotations": RESTARTED}}}
        if manifest["kind"] == "ServiceAccount":
            patch["imagePullSecrets"] = [{"name": "registry"}]
        predecessor.api.merge(path_of(manifest), patch)
    predecessor.roll_out()


@pytest.mark.parametrize(
    ("name", "label", "elsewhere"),
    [
        ("managed-metadata-on-every-object", "team", "svc@example.org"),
        ("single-storage-becomes-a-claim-mounted-as-data", "cost-centre", "storage-team"),
    ],
)
@pytest.mark.parametrize("is_taken_over", [False, True], ids=["before the take-over", "after it"])
def test_what_the_go_operator_set_goes_when_it_is_no_longer_wanted(
    server: Server, is_taken_over: bool, name: str, label: str, elsewhere: str
) -> None:
    with left_behind(server, name) as (predecessor, successor):
        if is_taken_over:
            settled(predecessor, successor)
        (owner,) = (manifest for manifest in predecessor.given if manifest["kind"] in OWNER_NAMES)
        assert label in owner["spec"]["managedMetadata"]["labels"]
        predecessor.api.merge(path_of(owner), {"spec": {"managedMetadata": None}})
        settled(predecessor, successor)
        for manifest in predecessor.children():
            metadata = predecessor.api.get(path_of(manifest))["metadata"]
            assert label not in metadata["labels"]
            assert metadata["annotations"].get("contact") in (None, elsewhere)
            assert FOREIGN["labels"].items() <= metadata["labels"].items()
            assert FOREIGN["annotations"].items() <= metadata["annotations"].items()


@pytest.mark.parametrize("is_taken_over", [False, True], ids=["before the take-over", "after it"])
def test_a_field_that_is_unset_goes(server: Server, is_taken_over: bool) -> None:
    with left_behind(server, "pod-scheduling-settings") as (predecessor, successor):
        if is_taken_over:
            settled(predecessor, successor)
        (agent,) = (manifest for manifest in predecessor.given if manifest["kind"] == "VMAgent")
        (workload,) = (manifest for manifest in predecessor.children() if manifest["kind"] == "Deployment")
        assert predecessor.api.get(path_of(workload))["spec"]["template"]["spec"]["priorityClassName"]
        predecessor.api.merge(path_of(agent), {"spec": {"priorityClassName": None}})
        settled(predecessor, successor)
        template = predecessor.api.get(path_of(workload))["spec"]["template"]
        assert "priorityClassName" not in template["spec"]
        assert RESTARTED.items() <= template["metadata"]["annotations"].items()


def test_a_dry_run_names_every_object_and_changes_none(server: Server) -> None:
    command = [sys.executable, "-m", "vmagent_operator", f"--kubeconfig={server.kubeconfig}", "--dry-run"]
    command += ["--metrics-bind-address=0", "--health-probe-bind-address=0"]
    with left_behind(server, "basic-service-scrapes-selected-by-label") as (predecessor, _):
        before = predecessor.live()
        run = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True, timeout=60, check=True)
        for manifest in predecessor.children():
            metadata = manifest["metadata"]
            name = "/".join(metadata[key] for key in ("namespace", "name") if key in metadata)
            assert re.search(rf": take over.* {manifest['kind']} {name} fields", run.stderr)
        assert predecessor.live() == before


@pytest.mark.parametrize("has_traces", [True, False], ids=["with our traces", "without"])
def test_there_and_back_again(server: Server, has_traces: bool) -> None:
    with left_behind(server, "managed-metadata-on-every-object") as (predecessor, successor):
        settled(predecessor, successor)
        (agent,) = (manifest for manifest in predecessor.given if manifest["kind"] == "VMAgent")
        applied = predecessor.api.get(path_of(agent))["status"]["lastAppliedSpec"]
        assert applied["managedMetadata"] == agent["spec"]["managedMetadata"]  # so the Go operator knows what to drop
        predecessor.api.merge(path_of(agent), {"spec": {"managedMetadata": {"labels": None}}})
        for manifest in predecessor.children():
            if not has_traces:
                predecessor.api.merge(path_of(manifest), {"metadata": {"managedFields": [{}]}})
            predecessor.update(manifest, dropped=("team",))
        before = predecessor.live()
        assert not any("team" in before[key_of(each)]["metadata"]["labels"] for each in predecessor.children())
        assert settled(predecessor, successor) == []
        found = [path for path, *_ in differences(_content(before), _content(predecessor.live()))]
        assert found == [".VMServiceScrape/meta/vmagent-managed.spec.selector.matchLabels.team"]  # named the label too


def test_the_claim_of_a_database_is_the_same_there_and_back_and_belongs_to_it_only_there(server: Server) -> None:
    with left_behind(server, "single-storage-becomes-a-claim-mounted-as-data") as (predecessor, successor):
        (claim,) = (manifest for manifest in predecessor.children() if manifest["kind"] == "PersistentVolumeClaim")
        before = predecessor.api.get(path_of(claim))
        for _ in range(2):
            settled(predecessor, successor)
            ours = predecessor.api.get(path_of(claim))
            assert "ownerReferences" not in ours["metadata"]
            theirs = predecessor.update(claim)
            assert [owner["kind"] for owner in theirs["metadata"]["ownerReferences"]] == ["VMSingle"]
            for found in (ours, theirs):
                assert found["metadata"]["uid"] == before["metadata"]["uid"]
                assert found["spec"] == before["spec"]
                assert found["metadata"]["labels"] == before["metadata"]["labels"]


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("basic-service-scrapes-selected-by-label", []),
        ("disk-usage-equal-to-the-default-drops-the-flag", ["-remoteWrite.maxDiskUsagePerURL=1073741824"]),
    ],
)
def test_kubectl_previews_the_take_over_of_a_workload(
    server: Server, tmp_path: Path, name: str, changed: list[str]
) -> None:
    kinds_read = ("namespaces", "secrets", "configmaps", *(kind.plural for kind in kinds.KINDS))
    with left_behind(server, name):
        cluster = _kubectl(server, "get", ",".join(kinds_read), "--all-namespaces", "--output=yaml")
        command = [sys.executable, "-m", "vmagent_operator", "render", "-f", "-"]
        rendered = subprocess.run(command, input=cluster, capture_output=True, text=True, check=True)
        (tmp_path / "after.yaml").write_text(rendered.stdout)
        flags = ("--server-side", "--force-conflicts", f"--field-manager={OPERATOR}", f"--filename={tmp_path}")
        shown = _kubectl(server, "diff", *flags).split("diff -u")
        workload = "".join(part for part in shown if "apps.v1.Deployment" in part)
        assert re.findall(r"^[+] +- (\S+)$", workload, re.MULTILINE) == changed
        assert bool(workload) == bool(changed)


def _kubectl(server: Server, *args: str) -> str:
    """What kubectl prints, of whatever exit code: `diff` has one for differences."""
    command = ["kubectl", f"--kubeconfig={server.kubeconfig}", *args]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode in (0, 1), run.stderr
    return run.stdout


def test_what_is_there_stays_as_it_is(history: History) -> None:
    allowed = DEVIATIONS.get(history.name, ())
    before, after = _content(history.before), _content(history.after)
    assert [found for found in differences(before, after) if not found[0].startswith(allowed)] == []


def test_no_object_is_made_anew_and_no_pod_restarts(history: History) -> None:
    allowed = tuple(path.removeprefix(".") for path in DEVIATIONS.get(history.name, ()))
    for key, before in history.before.items():
        if any(key.startswith(path) for path in allowed):
            continue
        after = history.after[key]
        assert after["metadata"]["uid"] == before["metadata"]["uid"], key
        if any(path.startswith(key) for path in allowed):
            continue
        if before["kind"] in WORKLOADS:
            assert after["spec"] == before["spec"]
            assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_fields_change_hands(history: History) -> None:
    for manifest in history.predecessor.children():
        if (after := history.after.get(key_of(manifest))) is None:
            continue  # a deviation
        entries = after["metadata"]["managedFields"]
        owners = {(entry["manager"], entry["operation"]): entry["fieldsV1"] for entry in entries}
        assert (OPERATOR, "Apply") in owners
        assert _held(owners.get((MANAGER, "Update"), {}), manifest) == []


def _held(fields: Json, value: Any, path: str = "") -> list[str]:
    """The parts of `value` that `fields` are."""
    found = []
    for name, below in fields.items():
        if name.startswith("f:") and isinstance(value, dict) and name[2:] in value:
            found += _held(below, value[name[2:]], f"{path}.{name[2:]}") if below else [f"{path}.{name[2:]}"]
    return found


def test_a_restart_writes_nothing(history: History) -> None:
    assert history.again == []


def test_the_go_operator_can_go_on(history: History) -> None:
    allowed = DEVIATIONS.get(history.name, ())
    for manifest in history.predecessor.children():
        if key_of(manifest) not in history.after:
            continue  # a deviation
        updated = history.predecessor.update(manifest)
        before = history.before[key_of(manifest)]
        found = differences(_content({"": before}), _content({"": updated}))
        assert [difference for difference in found if not difference[0].startswith(allowed)] == []
        if manifest["kind"] in WORKLOADS:
            assert updated["spec"] == before["spec"]


def _content(objects: Mapping[str, Json]) -> dict[str, Json]:
    """What objects say, without statuses and the server's own metadata; Secrets as text."""
    bare = [{key: value for key, value in each.items() if key != "status"} for each in objects.values()]
    return indexed(map(render.decoded, bare))

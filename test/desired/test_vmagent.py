"""Cases of the objects around the pod: a spec, and what counts among the objects that it gives."""

import gzip
import hashlib
from base64 import b64decode
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from attrs import evolve

from test.desired.test_pod import found
from test.scrape.cases import agent, obj, settings
from vmagent_operator.api.kinds import VMSTATICSCRAPE
from vmagent_operator.desired.stages import ConfigSecret, Inputs
from vmagent_operator.desired.stages import objects as written
from vmagent_operator.desired.vmagent.desired import desired
from vmagent_operator.desired.workload import volumes
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.scrape.selection import Selection, in_blocks
from vmagent_operator.settings import Server

CASES = [*yaml.safe_load_all(Path(__file__).with_name("vmagent.yaml").read_text())]
NOTHING = Selection()
VALUES = SecretSnapshot(
    {
        Reference("ConfigMap", "mon", "rules"): {
            "relabel": "- action: drop\n  if: up\n",
            "indented": "  - action: drop\n    if: up\n",
            "started": "---\n- {action: drop, if: up}\n",
            "empty": "[]\n",
            "mapping": "action: drop\n",
            "filled": "%{RULES}",
            "broken": "- {action: drop, action: keep}\n",
            "wrong": "- {acton: drop}\n",
            "aggregation": "- {interval: 1m}\n",
        },
        Reference("Secret", "mon", "rw"): {"a": "x"},
    }
)


def inputs(spec: Manifest, env: dict[str, str] | None = None, selection: Selection = NOTHING) -> Inputs:
    """What the agent `mon/main` with `spec` is built from; it selects nothing unless told otherwise."""
    owner = obj("VMAgent", {"remoteWrite": [{"url": "http://vm"}]} | spec, uid="u")
    return Inputs(owner=owner, selection=selection, values=VALUES, settings=settings(**(env or {})), server=Server())


def objects(given: Inputs) -> dict[str, Manifest]:
    """The desired objects by `Kind/name`, or `Kind/namespace/name` in another namespace than the agent's."""
    out = {}
    for manifest in written(desired(given).stages):
        metadata = manifest["metadata"]
        namespace = metadata.get("namespace", "mon")
        key = metadata["name"] if namespace == "mon" else f"{namespace}/{metadata['name']}"
        out[f"{manifest['kind']}/{key}"] = manifest
    return out


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_objects(case: Manifest) -> None:
    if "error" in case:
        with pytest.raises(OwnerError) as raised:
            desired(inputs(case["given"], case.get("env")))
        assert str(raised.value) == case["error"]
        return
    given = inputs(case["given"], case.get("env"))
    built = objects(given)
    for key, want in case.get("want", {}).items():
        assert {path: found(built[key], path) for path in want} == want
    assert [key for key in case.get("absent", ()) if key in built] == []
    if "warnings" in case:
        assert list(desired(given).warnings) == case["warnings"]


def test_what_is_wrong_with_an_agents_own_jobs_is_told_without_failing() -> None:
    found = desired(inputs({"inlineScrapeConfig": "- {job_name: a}\n- {}\n"}))
    assert found.warnings == ("spec.inlineScrapeConfig[1].job_name: required",)


def test_what_is_referred_to_is_written_before() -> None:
    spec = {
        "shardCount": 2,
        "podDisruptionBudget": {"minAvailable": 1},
        "inlineRelabelConfig": [{"action": "drop", "source_labels": ["a"]}],
        "serviceSpec": {"spec": {"type": "NodePort"}},
        "hpa": {"maxReplicas": 3},
        "networkPolicy": {"ingress": [{}]},
    }
    kinds = [key.partition("/")[0] for key in objects(inputs(spec))]
    assert [kind for kind, after in pairwise([*kinds, ""]) if kind != after] == [
        *("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
        *("Service", "VMServiceScrape", "HorizontalPodAutoscaler", "NetworkPolicy"),
        *("Secret", "ConfigMap", "Secret"),
        *("PodDisruptionBudget", "Deployment", "PodDisruptionBudget", "Deployment"),
    ]


def test_jobs_without_room_come_before_the_configuration_that_names_them() -> None:
    scrapes = [
        obj("VMStaticScrape", {"targetEndpoints": [{"targets": [f"10.0.0.{n}:1"]}]}, name=f"s{n}") for n in range(8)
    ]
    given = inputs(
        {"selectAllByDefault": True},
        {"VM_CONFIG_DATA_BUDGET_BYTES": "130"},
        selection=Selection({VMSTATICSCRAPE: in_blocks(scrapes)}),
    )
    built = objects(given)
    secrets = [key for key in built if key.startswith("Secret/")]
    assert secrets[0] == "Secret/vmagent-main-sc-1"
    assert secrets[-2:] == ["Secret/tls-assets-vmagent-main", "Secret/vmagent-main"]
    texts = [gzip.decompress(b64decode(text)) for key in secrets for text in built[key].get("data", {}).values()]
    assert all(sum(f"10.0.0.{n}:1".encode() in text for text in texts) == 1 for n in range(8))
    names = [
        found(volume, "secret.secretName")
        for volume in found(built, "Deployment/vmagent-main.spec.template.spec.volumes")
    ]
    assert {key.partition("/")[2] for key in secrets} <= {*names}


def test_configuration_of_an_agent_that_selects_nothing_is_its_users() -> None:
    first = objects(inputs({}))["Secret/vmagent-main"]
    assert b"scrape_configs: []" in gzip.decompress(b64decode(first["data"]["vmagent.yaml.gz"]))
    given = evolve(inputs({}), config=ConfigSecret(exists=True, is_foreign=True))
    later = objects(given)["Secret/vmagent-main"]
    assert "data" not in later
    assert "ownerReferences" not in later["metadata"]
    own = objects(evolve(given, config=ConfigSecret(exists=True)))["Secret/vmagent-main"]
    assert own["metadata"]["ownerReferences"] == first["metadata"]["ownerReferences"]


@pytest.mark.parametrize(
    "spec",
    [{"podScrapeNamespaceSelector": {}}, {"selectAllByDefault": True}, {"inlineScrapeConfig": "[]"}],
)
def test_configuration_is_ours_once_anything_is_selected(spec: Manifest) -> None:
    given = evolve(inputs(spec), config=ConfigSecret(exists=True, is_foreign=True))
    secret = objects(given)["Secret/vmagent-main"]
    assert [*secret["data"]] == ["vmagent.yaml.gz"]
    assert secret["metadata"]["ownerReferences"][0]["uid"] == "u"


def test_same_inputs_give_the_same_objects() -> None:
    spec = {"selectAllByDefault": True, "shardCount": 2, "inlineScrapeConfig": "- job_name: x\n"}
    assert written(desired(inputs(spec)).stages) == written(desired(inputs(spec)).stages)


@pytest.mark.parametrize(
    ("spec", "longest"),
    [
        ({"statefulMode": True}, 52),
        ({"statefulMode": True, "shardCount": 1}, 50),
        ({"statefulMode": True, "shardCount": 11}, 49),
        ({"statefulMode": True, "useLegacyNaming": True}, 52),
        ({"statefulMode": True, "daemonSetMode": True}, 63),
        ({"shardCount": 11}, 63),
    ],
)
def test_a_stateful_set_whose_name_is_too_long_for_pods_is_refused(spec: Manifest, longest: int) -> None:
    room = longest - (0 if spec.get("useLegacyNaming") else len("vmagent-"))

    def of(length: int) -> Inputs:
        given = inputs(spec)
        return evolve(given, owner=evolve(given.owner, metadata=evolve(given.owner.metadata, name="a" * length)))

    assert written(desired(of(room)).stages)
    with pytest.raises(OwnerError, match=r"metadata.name: .* (has no pods|ends at 63)"):
        desired(of(room + 1))


def test_undecodable_agent_is_refused() -> None:
    owner = agent({"remoteWrite": "none"})
    with pytest.raises(OwnerError) as raised:
        desired(evolve(inputs({}), owner=owner))
    assert str(raised.value) == "spec.remoteWrite: expected array, got string"


@pytest.mark.parametrize("case", yaml.safe_load(Path(__file__).with_name("startup.yaml").read_text()))
def test_a_destination_that_vmagent_would_not_start_with_stops_the_agent(case: Manifest) -> None:
    remote = {"url": "http://db:8428/api/v1/write"} | case.get("remote", {})
    spec = {"remoteWrite": [{"url": "http://first"}, remote], **case.get("spec", {})}
    if not case["error"]:
        assert written(desired(inputs(spec)).stages)
        return
    with pytest.raises(OwnerError) as raised:
        desired(inputs(spec))
    assert str(raised.value) == f"spec.{case['error']}"


@pytest.mark.parametrize(
    ("spec", "env", "version", "seconds"),
    [
        ({}, {}, (1, 30), 15),
        ({}, {}, (1, 29), None),
        ({}, {"VM_ENABLE_DEFAULT_PRESTOP_HOOK": "false"}, (1, 30), None),
        ({"preStopSleepSeconds": 7}, {"VM_ENABLE_DEFAULT_PRESTOP_HOOK": "false"}, (1, 30), 7),
        ({"preStopSleepSeconds": 1}, {}, (1, 30), 1),
        ({"preStopSleepSeconds": 0}, {}, (1, 30), None),
        ({"terminationGracePeriodSeconds": 15}, {}, (1, 30), None),
        ({"terminationGracePeriodSeconds": 16}, {}, (1, 30), 15),
    ],
)
def test_how_long_a_container_sleeps_before_it_stops(
    spec: Manifest, env: dict[str, str], version: tuple[int, int], seconds: int | None
) -> None:
    given = evolve(inputs(spec, env), server=Server(version=version))
    pod = objects(given)["Deployment/vmagent-main"]["spec"]["template"]["spec"]
    hooks = [container.get("lifecycle") for container in pod["containers"] if container["name"] == "vmagent"]
    assert hooks == [{"preStop": {"sleep": {"seconds": seconds}}} if seconds else None]


def test_a_secret_without_content_has_no_data() -> None:
    assert "data" not in objects(inputs({"selectAllByDefault": True}))["Secret/tls-assets-vmagent-main"]


def test_secrets_beside_the_main_one_are_where_the_agent_and_its_reloader_look() -> None:
    paths = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(30)]  # what does not compress
    endpoints = [{"targets": ["a"], "path": f"/{path}"} for path in paths]
    jobs = tuple(
        obj("VMStaticScrape", {"targetEndpoints": [endpoint]}, name=f"s{number}")
        for number, endpoint in enumerate(endpoints)
    )
    given = inputs(
        {"selectAllByDefault": True},
        {"VM_CONFIG_DATA_BUDGET_BYTES": "1000"},
        Selection({VMSTATICSCRAPE: in_blocks(jobs)}),
    )
    pod = objects(given)["Deployment/vmagent-main"]["spec"]["template"]["spec"]
    found = {
        container["name"]: {mount["name"] for mount in container["volumeMounts"]} for container in pod["containers"]
    }
    assert volumes.OVERFLOW_OUT.name in found["vmagent"]
    assert volumes.OVERFLOW_OUT.name in {volume["name"] for volume in pod["volumes"]}


def test_pods_of_a_stateful_agent_come_and_go_together_and_only_they_have_claims() -> None:
    claim = {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}}
    found = objects(inputs({"statefulMode": True, "statefulStorage": claim}))["StatefulSet/vmagent-main"]["spec"]
    assert (found["podManagementPolicy"], len(found["volumeClaimTemplates"])) == ("Parallel", 1)
    pod = objects(inputs({"statefulStorage": claim}))["Deployment/vmagent-main"]["spec"]["template"]["spec"]
    assert "emptyDir" in next(volume for volume in pod["volumes"] if volume["name"] == "persistent-queue-data")

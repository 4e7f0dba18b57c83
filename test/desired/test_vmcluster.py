"""Clusters: replication and deduplication row by row, addresses, and what is refused or doubtful."""

import base64
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve

from test.pace import slowness
from test.scrape.cases import obj, settings
from vmagent_operator.desired.stages import Desired, Inputs, objects
from vmagent_operator.desired.vmcluster.desired import desired
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.scrape.selection import Selection
from vmagent_operator.settings import Server

DEDUP = "dedup.minScrapeInterval"
LICENSE = {"license": {"key": "k"}}
PARTS: Manifest = {"vmstorage": {"replicaCount": 3}, "vmselect": {"replicaCount": 2}, "vminsert": {"replicaCount": 2}}


def built(spec: Manifest, replicas: dict[str, int] | None = None, **env: str) -> Desired:
    """What the cluster `mon/main` asks for."""
    owner = obj("VMCluster", spec, uid="u")
    given = Inputs(
        owner=owner, selection=Selection(), values=SecretSnapshot({}), settings=settings(**env), server=Server()
    )
    return desired(evolve(given, replicas=replicas or {}))


def found(spec: Manifest, replicas: dict[str, int] | None = None, **env: str) -> dict[str, Manifest]:
    """The objects by `Kind/name`."""
    every = objects(built(spec, replicas, **env).stages)
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in every}


def flags(spec: Manifest, component: str, replicas: dict[str, int] | None = None) -> dict[str, list[str]]:
    """The arguments of a component: a name -> its values."""
    kind = "Deployment" if component == "vminsert" else "StatefulSet"
    out: dict[str, list[str]] = {}
    pod = found(spec, replicas)[f"{kind}/{component}-main"]["spec"]["template"]["spec"]
    for argument in pod["containers"][0]["args"]:
        name, _, value = argument.lstrip("-").partition("=")
        out.setdefault(name, []).append(value)
    return out


def merged(*specs: Manifest) -> Manifest:
    out: Manifest = {}
    for spec in specs:
        for key, value in spec.items():
            out[key] = {**out[key], **value} if isinstance(out.get(key), dict) and value else value
    return out


def _rows() -> list[tuple[int | None, str, str, tuple[str, str]]]:
    """R, who is given 30s, the general interval, and what vmstorage and vmselect end with."""
    rows: list[tuple[int | None, str, str, tuple[str, str]]] = []
    for factor in (None, 1, 2):
        for general in ("", "10s"):
            automatic = general or ("1ms" if factor == 2 else "")
            # Replication wants one value for both: what one is given is the other's, unless there is a general one.
            other = general or ("30s" if factor == 2 else "")
            rows += [
                (factor, "none", general, (automatic, automatic)),
                (factor, "select", general, (other, "30s")),
                (factor, "storage", general, ("30s", other)),
                (factor, "both", general, ("30s", "30s")),
            ]
    return rows


ROWS = _rows()


@pytest.mark.parametrize(("factor", "given", "general", "wanted"), ROWS, ids=str)
def test_replication_and_deduplication(factor: int | None, given: str, general: str, wanted: tuple[str, str]) -> None:
    extra = {"extraArgs": {DEDUP: "30s"}}
    spec = merged(
        PARTS,
        {"replicationFactor": factor} if factor is not None else {},
        {"downsampling": {"dedupInterval": general}, **LICENSE} if general else {},
        {"vmselect": extra} if given in ("select", "both") else {},
        {"vmstorage": extra} if given in ("storage", "both") else {},
    )
    storage, select, insert = (flags(spec, name) for name in ("vmstorage", "vmselect", "vminsert"))
    for of, value in zip((storage, select), wanted, strict=True):
        assert of.get(DEDUP) == ([value] if value else None)
    assert DEDUP not in insert
    assert "replicationFactor" not in storage
    assert select.get("replicationFactor") == (["2"] if factor == 2 else None)
    assert insert.get("replicationFactor") == ([str(factor)] if factor else None)


@pytest.mark.parametrize("factor", [0, -1])
def test_no_copies_at_all_are_no_replication(factor: int) -> None:
    for component in ("vmstorage", "vmselect", "vminsert"):
        assert flags({**PARTS, "replicationFactor": factor}, component) == flags(PARTS, component)


def test_there_are_24_rows() -> None:
    assert len(ROWS) == 24


def test_an_interval_in_the_environment_counts() -> None:
    env = {"extraEnvs": [{"name": "dedup_minScrapeInterval", "value": "15s"}]}
    spec = merged(PARTS, {"replicationFactor": 2}, {"vmselect": env})
    assert DEDUP not in flags(spec, "vmselect")
    assert flags(spec, "vmstorage")[DEDUP] == ["15s"]


@pytest.mark.parametrize(("disables", "suffix"), [(False, "/$(POD_NAME)/"), (True, "")])
def test_each_storage_node_has_a_folder_for_its_backups_unless_that_is_switched_off(
    disables: bool, suffix: str
) -> None:
    backup = {"destination": "s3://a/b", "acceptEULA": True, "destinationDisableSuffixAdd": disables}
    pod = found({"vmstorage": {"vmBackup": backup}})["StatefulSet/vmstorage-main"]["spec"]["template"]["spec"]
    (args,) = (each["args"] for each in pod["containers"] if each["name"] == "vmbackuper")
    assert f"-dst=s3://a/b{suffix}" in args


HPA = {"hpa": {"minReplicas": 2, "maxReplicas": 6}}


@pytest.mark.parametrize(
    ("spec", "replicas", "select", "insert"),
    [
        ({"vmstorage": {"replicaCount": 2}}, {}, [0, 1], [0, 1]),
        ({"vmstorage": {}}, {}, [0], [0]),
        ({"vmstorage": {"replicaCount": 0}}, {}, [], []),
        (
            {"vmstorage": {"replicaCount": 4, "maintenanceInsertNodeIDs": [0, 3], "maintenanceSelectNodeIDs": [2, 9]}},
            {},
            [0, 1, 3],
            [1, 2],
        ),
        ({"vmstorage": HPA}, {}, [0, 1], [0, 1]),
        ({"vmstorage": HPA}, {"vmstorage-main": 4}, [0, 1, 2, 3], [0, 1, 2, 3]),
        ({"vmstorage": HPA}, {"vmstorage-main": 1}, [0, 1], [0, 1]),
    ],
    ids=str,
)
def test_addresses(spec: Manifest, replicas: dict[str, int], select: list[int], insert: list[int]) -> None:
    whole = {"vmselect": {"replicaCount": 1}, "vminsert": {}, **spec}
    for component, numbers, port in (("vmselect", select, 8401), ("vminsert", insert, 8400)):
        wanted = [f"vmstorage-main-{number}.vmstorage-main.mon:{port}" for number in numbers]
        assert flags(whole, component, replicas).get("storageNode", [""]) == [",".join(wanted)]


def test_addresses_with_a_domain_and_further_nodes() -> None:
    spec = merged(
        PARTS,
        {"clusterDomainName": "k8s.example", "vmstorage": {"replicaCount": 1}},
        {"vmselect": {"extraStorageNodes": [{"addr": "old:8401"}]}},
    )
    node = "vmstorage-main-0.vmstorage-main.mon.svc.k8s.example"
    assert flags(spec, "vmselect")["storageNode"] == [f"{node}:8401,old:8401"]
    assert flags(spec, "vminsert")["storageNode"] == [f"{node}:8400"]
    peers = [f"vmselect-main-{number}.vmselect-main.mon.svc.k8s.example:8481" for number in (0, 1)]
    assert flags(spec, "vmselect")["selectNode"] == [",".join(peers)]


def test_the_balancer_knows_how_its_backends_are_reached() -> None:
    spec = merged(
        PARTS,
        {"requestsLoadBalancer": {"enabled": True}, "vmselect": {"port": "9999", "extraArgs": {"tls": "true"}}},
        {"vminsert": None},
    )
    config = base64.b64decode(found(spec)["Secret/vmclusterlb-main"]["data"]["config.yaml"]).decode()
    assert "https://srv+vmselectinternal-main.mon.svc:9999" in config
    assert "http://srv+vminsertinternal-main.mon.svc:8480" in config


def test_storage_nodes_are_never_scaled_down_by_themselves() -> None:
    hpa = found({"vmstorage": HPA})["HorizontalPodAutoscaler/vmstorage-main"]
    assert hpa["spec"]["behavior"] == {"scaleDown": {"selectPolicy": "Disabled"}}
    assert found({"vmstorage": HPA}, {"vmstorage-main": 5})["StatefulSet/vmstorage-main"]["spec"]["replicas"] == 5


RULE = {"periods": [{"offset": "30d", "interval": "5m"}]}
FAULTS: list[tuple[Any, str]] = [
    (
        {"vmselect": {"serviceSpec": {"metadata": {"name": "vmselect-main"}, "spec": {}}}},
        "spec.vmselect.serviceSpec.metadata.name",
    ),
    (
        {"vmstorage": {"serviceSpec": {"useAsDefault": True, "spec": {"type": "NodePort"}}}},
        "spec.vmstorage.serviceSpec.spec.type",
    ),
    ({"vmselect": {"hpa": {"minReplicas": 3, "maxReplicas": 2}}}, "spec.vmselect.hpa.maxReplicas"),
    (
        {"vmstorage": {"hpa": {"maxReplicas": 9, "behaviour": {"scaleDown": {}}}}},
        "spec.vmstorage.hpa.behaviour.scaleDown",
    ),
    ({"vminsert": {"vpa": {}}}, "spec.vminsert.vpa"),
    ({"vminsert": {"preStopSleepSeconds": 9, "terminationGracePeriodSeconds": 9}}, "spec.vminsert.preStopSleepSeconds"),
    (
        {"vmselect": {"rollingUpdateStrategyBehavior": {"maxUnavailable": "0%"}}},
        "spec.vmselect.rollingUpdateStrategyBehavior.maxUnavailable",
    ),
    ({"vmselect": {"extraStorageNodes": [{"addr": "a:1"}, {"addr": "a:1"}]}}, "spec.vmselect"),
    ({"vmselect": {"extraArgs": {"storageNode": "a:1,"}}}, "spec.vmselect.extraArgs.storageNode"),
    ({"discovery": {"enabled": True}}, "spec.discovery"),
    ({**LICENSE, "discovery": {"enabled": True, "filter": "("}}, "spec.discovery.filter"),
    (
        {**LICENSE, "discovery": {"enabled": True}, "vmstorage": {"maintenanceInsertNodeIDs": [0]}},
        "spec.vmstorage.maintenanceInsertNodeIDs",
    ),
    ({"vmstorage": {"vmBackup": {"destination": "s3://a"}}}, "spec.vmstorage.vmBackup"),
    ({"license": {"key": "a", "keyRef": {"name": "a", "key": "b"}}}, "spec.license"),
    ({"license": {"key": "a", "reloadInterval": "1m"}}, "spec.license.reloadInterval"),
    ({"downsampling": {"rules": [RULE]}}, "spec.downsampling"),
    ({**LICENSE, "downsampling": {"rules": [RULE, RULE]}}, "spec.downsampling.rules[1].filter"),
    ({**LICENSE, "downsampling": {"rules": [{"periods": []}]}}, "spec.downsampling.rules[0].periods"),
    (
        {**LICENSE, "downsampling": {"rules": [{"periods": [{"offset": "7m", "interval": "2m"}]}]}},
        "spec.downsampling.rules[0].periods[0].offset",
    ),
    (
        {**LICENSE, "downsampling": {"dedupInterval": "7s", "rules": [RULE]}},
        "spec.downsampling.rules[0].periods[0].interval",
    ),
    (
        {"vmstorage": {"retentionFilters": [{"filter": "{a='b'}", "retention": "1d"}]}},
        "spec.vmstorage.retentionFilters",
    ),
    (
        {**LICENSE, "vmstorage": {"retentionFilters": [{"filter": "{a='b'}", "retention": "1y"}]}},
        "spec.vmstorage.retentionFilters[0].retention",
    ),
    ({"replicationFactor": 4}, "spec.replicationFactor"),
    ({"vmselect": {"extraArgs": {DEDUP: "0s"}}}, f"spec.vmselect.extraArgs[{DEDUP}]"),
    ({"vminsert": {"port": "http"}}, "spec.vminsert.port"),
    ({"vmstorage": {"vmInsertPort": "8401"}}, "spec.vmstorage.vmSelectPort"),
    ({"vmstorage": None}, "spec.vmselect"),
    ({"vmstorage": {"storage": {"volumeClaimTemplate": {}}}}, "spec.vmstorage.storage.volumeClaimTemplate"),
]


@pytest.mark.parametrize(("spec", "path"), FAULTS, ids=[f"{index} {path}" for index, (_, path) in enumerate(FAULTS)])
def test_what_is_refused(spec: Manifest, path: str) -> None:
    with pytest.raises(OwnerError) as error:
        built(merged(PARTS, spec))
    assert str(error.value).startswith(path), error.value


MANY = 19_000
"""Nearly as many as an object may have parts."""


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"vmstorage": {"hpa": {"minReplicas": 2**31 - 1, "maxReplicas": 2**31 - 1}}}, "spec.vmstorage.hpa.minReplicas"),
        ({"vmselect": {"extraArgs": {"storageNode": "a:1," * 250_000}}}, "spec.vmselect: storage node"),
        ({"vmselect": {"extraStorageNodes": [{"addr": f"a:{i}"} for i in (*range(MANY), 1)]}}, "spec.vmselect: storage node a:1 is"),
        ({"vminsert": {"volumes": [{"name": f"v{i}", "emptyDir": {}} for i in (*range(MANY), 1)]}}, "two volumes"),
    ],
    ids=["autoscaler", "one text", "nodes", "volumes"],
)  # fmt: skip
def test_large_numbers_cost_nothing(spec: Manifest, path: str) -> None:
    started = time.process_time()
    with pytest.raises(OwnerError) as error:
        built(merged(PARTS, spec))
    assert str(error.value).startswith(path), str(error.value)[:200]
    assert time.process_time() - started < 4 * slowness()


def test_whatever_somebody_scales_storage_nodes_to_there_are_addresses_for_so_many_and_no_more() -> None:
    maintained = {"maintenanceSelectNodeIDs": list(range(MANY))}
    spec = {"vmstorage": {**HPA, **maintained}, "vminsert": {}, "vmselect": {"extraArgs": {"storageNode": "a:1"}}}
    nodes = flags(spec, "vminsert", {"vmstorage-main": 2**31 - 1})["storageNode"][0].split(",")
    assert len(nodes) == 1000


WARNINGS: list[tuple[Any, dict[str, int], str]] = [
    ({"replicationFactor": 0}, {}, "spec.replicationFactor: 0 is taken for absent"),
    ({"replicationFactor": 3}, {}, "spec.replicationFactor: with 2 of them away, 3 storage nodes"),
    ({"vmselect": {"extraArgs": {DEDUP: "15s"}}}, {}, f"spec: {DEDUP} is not given alike: it comes to none at"),
    ({}, {"vmstorage-main": 5}, "spec.vmstorage.replicaCount: what is on the storage nodes 3 to 4 is out of reach"),
    ({"clusterVersion": "v1.150.0"}, {}, "spec.clusterVersion: v1.150.0 is not the version of a cluster"),
    ({"vminsert": {"paused": True}}, {}, "spec.vminsert.paused: has no effect"),
]


@pytest.mark.parametrize(("spec", "replicas", "text"), WARNINGS, ids=[text for _, _, text in WARNINGS])
def test_what_is_doubtful(spec: Manifest, replicas: dict[str, int], text: str) -> None:
    (warning,) = built(merged(PARTS, spec), replicas).warnings
    assert warning.startswith(text)


EDGES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("vmcluster.yaml").read_text())


@pytest.mark.parametrize("case", EDGES, ids=lambda case: str(case["given"])[:60])
def test_what_is_said(case: dict[str, Any]) -> None:
    """What is just allowed beside what is not."""
    spec, replicas = merged(PARTS, case["given"]), case.get("replicas")
    if "error" not in case:
        assert list(built(spec, replicas).warnings) == case.get("warnings", [])
        return
    with pytest.raises(OwnerError) as error:
        built(spec, replicas)
    assert "; ".join(dict.fromkeys(str(error.value).split("; "))) == case["error"]


def test_a_sound_cluster_has_nothing_against_it() -> None:
    assert built({**PARTS, "replicationFactor": 2}).warnings == ()

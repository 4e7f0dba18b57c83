"""What is said of a VMSingle that is wrong or doubtful, and what a Service of one looks like."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve

from test.scrape.cases import obj, settings
from vmagent_operator.desired.stages import Inputs, objects
from vmagent_operator.desired.vmsingle.desired import desired
from vmagent_operator.identity import SKIP_VALIDATION
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.scrape.selection import Selection
from vmagent_operator.settings import Server

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("vmsingle.yaml").read_text())


def inputs(spec: Manifest, claims: tuple[str, ...] = (), **env: str) -> Inputs:
    """What the VMSingle `mon/main` with `spec` is built from."""
    return Inputs(
        owner=obj("VMSingle", spec, uid="u"),
        selection=Selection(),
        values=SecretSnapshot({}),
        settings=settings(**env),
        server=Server(),
        claims=frozenset(claims),
    )


def of(case: dict[str, Any]) -> Inputs:
    env = {"VM_VPA_API_ENABLED": "true"} if case.get("vpa") else {}
    return inputs(case["given"], tuple(case.get("claims", ())), **env)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["given"])[:60])
def test_what_is_said(case: dict[str, Any]) -> None:
    if "error" not in case:
        assert list(desired(of(case)).warnings) == case.get("warnings", [])
        return
    with pytest.raises(OwnerError) as raised:
        desired(of(case))
    assert str(raised.value).partition("; ")[0] == case["error"].partition("; ")[0]


def test_what_is_of_mere_form_can_be_left_out() -> None:
    given = inputs({"vmBackup": {"destination": "s3://a"}, "insertPorts": {"influxPort": "8429"}})
    metadata = evolve(given.owner.metadata, annotations={SKIP_VALIDATION: "true"})
    assert desired(evolve(given, owner=evolve(given.owner, metadata=metadata))).stages


@pytest.mark.parametrize(
    ("spec", "ports"),
    [
        ({}, {"http": 8429, "http-alias": 8428}),
        ({"port": "8428"}, {"http": 8428}),
        ({"insertPorts": {"graphitePort": "8428"}}, {"http": 8429, "graphite-tcp": 8428, "graphite-udp": 8428}),
        (
            {"serviceSpec": {"useAsDefault": True, "spec": {"ports": [{"name": "web", "port": 8428}]}}},
            {"web": 8428, "http": 8429},
        ),
    ],
)
def test_the_usual_port_is_opened_unless_something_else_has_it(spec: Manifest, ports: dict[str, int]) -> None:
    (service,) = (each for each in objects(desired(inputs(spec)).stages) if each["kind"] == "Service")
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == ports


@pytest.mark.parametrize("spec", [{}, {"ingestOnlyMode": False}])
def test_every_file_that_a_flag_names_is_mounted(spec: Manifest) -> None:
    rules = {
        "inlineRelabelConfig": [{"action": "drop", "sourceLabels": ["a"]}],
        "streamAggrConfig": {"rules": [{"interval": "1m", "outputs": ["last"]}]},
    }
    built = objects(desired(inputs({**spec, **rules})).stages)
    held = {
        f"{each['metadata']['name']}/{key}" for each in built if each["kind"] == "ConfigMap" for key in each["data"]
    }
    (deployment,) = (each for each in built if each["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    sources = {volume["name"]: volume.get("configMap", {}).get("name") for volume in pod["volumes"]}
    main = pod["containers"][0]
    mounted = {mount["mountPath"]: sources[mount["name"]] for mount in main["volumeMounts"]}
    files = [
        argument.partition("=")[2]
        for argument in main["args"]
        if "onfig=/etc/vm/" in argument and "_out" not in argument
    ]
    files += [argument.partition("=")[2] for argument in main["args"] if argument.startswith("-streamAggr.config=")]
    assert files
    assert {f"{mounted[str(Path(file).parent)]}/{Path(file).name}" for file in files} <= held


@pytest.mark.parametrize(
    ("ingests", "mounts"), [(True, []), (False, ["/var/run/secrets/kubernetes.io/serviceaccount"])]
)
def test_who_scrapes_has_a_token_also_if_none_is_mounted_by_itself(ingests: bool, mounts: list[str]) -> None:
    given = inputs({"ingestOnlyMode": ingests, "disableAutomountServiceAccountToken": True})
    (deployment,) = (each for each in objects(desired(given).stages) if each["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    token = [each["name"] for each in pod["volumes"] if "projected" in each]
    held = [each["mountPath"] for each in pod["containers"][0].get("volumeMounts", ()) if each["name"] in token]
    assert (held, len(token), pod["automountServiceAccountToken"]) == (mounts, len(mounts), False)


@pytest.mark.parametrize("removes", [False, True])
def test_the_claim_goes_with_its_owner_only_if_that_is_asked_for(removes: bool) -> None:
    spec = {"storage": {"resources": {"requests": {"storage": "1Gi"}}}, "removePvcAfterDelete": removes}
    (claim,) = (each for each in objects(desired(inputs(spec)).stages) if each["kind"] == "PersistentVolumeClaim")
    assert [each["name"] for each in claim["metadata"].get("ownerReferences", ())] == (["main"] if removes else [])

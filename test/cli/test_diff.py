"""`diff`: what applying files would change in a cluster where the operator has been at work."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.apiserver.http import Server
from test.controller.world import World, agent
from vmagent_operator.cli.commands import diff

CASES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
AGENT = agent(selectAllByDefault=True)
SCRAPE: dict[str, Any] = {
    "apiVersion": AGENT["apiVersion"],
    "kind": "VMServiceScrape",
    "metadata": {"name": "web", "namespace": "monitoring"},
    "spec": {"selector": {}, "endpoints": [{"port": "http"}]},
}
SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "token", "namespace": "monitoring"},
    "data": {"t": "b2xk"},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """A cluster where all is done, and the kubeconfig for it."""
    world = World()
    for manifest in (SECRET, AGENT, SCRAPE):
        world.add(manifest)
    world.settle()
    with Server(world.api, tokens={"t": "admin"}) as server:
        yield world, str(server.kubeconfig(tmp_path_factory.mktemp("diff") / "kubeconfig", "t"))


def given(case: dict[str, Any]) -> list[dict[str, Any]]:
    """The files of a case."""
    objects = list(case.get("given", ()))
    if "spec" in case:
        objects.append({**AGENT, "spec": AGENT["spec"] | case["spec"]})
    if "scrape" in case:
        objects.append({**SCRAPE, "spec": case["scrape"]})
    return objects


def run(tmp_path: Path, kubeconfig: str, objects: list[dict[str, Any]], *arguments: str) -> int:
    file = tmp_path / "given.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    return diff.main(["-f", str(file), "--kubeconfig", kubeconfig, *arguments], {})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_change_is_told_with_what_follows(
    case: dict[str, Any], served: tuple[World, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, kubeconfig = served
    version = world.api.store.version
    assert run(tmp_path, kubeconfig, given(case)) == case.get("code", 1)
    out, err = capsys.readouterr()
    assert (out.rstrip("\n"), err) == (case["want"], "")
    assert world.api.store.version == version


def test_what_is_told_is_what_the_operator_does(
    served: tuple[World, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = given({"spec": {"extraArgs": {"loggerLevel": "WARN"}, "shardCount": 2}})
    assert run(tmp_path, served[1], wanted, "-o", "json") == 1
    told = json.loads(capsys.readouterr().out)["objects"]
    world = World()
    for manifest in (SECRET, AGENT, SCRAPE):
        world.add(manifest)
    world.settle()
    before = {(resource, *name): each for resource, name, each in world.api.store.everything()}
    world.patch(
        "/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/vmagents/main", {"spec": wanted[0]["spec"]}
    )
    world.settle()
    after = {(resource, *name): each for resource, name, each in world.api.store.everything()}
    ours = ("deployments.apps", "services", "secrets")
    did = {
        (
            key[0].partition(".")[0],
            key[2],
            "create" if key not in before else "delete" if key not in after else "change",
        )
        for key in before.keys() | after.keys()
        if key[0] in ours
        and before.get(key, {}).get("spec", before.get(key, {}).get("data"))
        != after.get(key, {}).get("spec", after.get(key, {}).get("data"))
    }
    said = {(f"{each['kind'].lower()}s", each["name"], each["action"]) for each in told}
    assert {each for each in said if each[0] in ("deployments", "services", "secrets")} == did
    assert [each["why"] for each in told if each.get("podsRestart")] == []


def test_jobs_that_leave_can_end_it(
    served: tuple[World, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leaving = given({"spec": {"serviceScrapeSelector": {"matchLabels": {"team": "web"}}}})
    assert run(tmp_path, served[1], leaving, "--fail-if-jobs-leave", "4") == 1
    assert run(tmp_path, served[1], leaving, "--fail-if-jobs-leave", "3") == 3
    assert capsys.readouterr().err == "3 jobs leave\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "none.yaml"], "none.yaml: No such file or directory\n"),
        (["-f", "none.yaml", "--kubeconfig", "none"], "none cannot be used: there is no such file\n"),
        ([], "the following arguments are required: -f/--filename\n"),
        (["-f", "x", "--fail-if-jobs-leave", "0"], "'0' is no whole number above 0\n"),
    ],
)
def test_what_cannot_be_told_is_code_2(
    arguments: list[str], message: str, served: tuple[World, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert diff.main(arguments, {"KUBECONFIG": served[1]}) == 2
    out, err = capsys.readouterr()
    assert (out, err[-len(message) :]) == ("", message)


def test_an_object_without_a_namespace_is_in_that_of_the_kubeconfig(
    served: tuple[World, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = yaml.safe_load(Path(served[1]).read_text())
    content["contexts"][0]["context"]["namespace"] = "monitoring"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(content))
    unplaced = {**AGENT, "metadata": {"name": "main"}}
    assert run(tmp_path, str(kubeconfig), [unplaced]) == 0
    assert capsys.readouterr().out == "nothing changes\n"

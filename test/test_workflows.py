"""What runs on GitHub is well formed, asks for no more rights than it needs, and speaks of what is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.controlplane import binaries
from vmagent_operator import __version__

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
RELEASE = (ROOT / ".github/workflows/release.yaml").read_text()
LOCK = (ROOT / "requirements.lock").read_text()


@pytest.mark.slow  # built on first use
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_is_content(path: Path) -> None:
    def lint(text: str) -> str:
        command = [str(binaries.tool("actionlint")), "-shellcheck=", "-pyflakes=", "-"]
        return subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True).stdout

    text = path.read_text()
    assert lint(text) == ""
    assert 'context "steps" is not allowed here' in lint(
        text.replace("runs-on: ubuntu-24.04", "runs-on: ${{ steps.none }}", 1)
    )


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_its_jobs_end(path: Path) -> None:
    workflow: dict[str, Any] = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            checks_out = step.get("uses", "").startswith("actions/checkout@")
            assert not checks_out or step["with"] == {"persist-credentials": False}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_say_which_version_that_is(path: Path) -> None:
    used = re.findall(r"uses: (.*)$", path.read_text(), re.MULTILINE)
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_an_action_has_one_version_everywhere() -> None:
    used = {action for path in WORKFLOWS for action in re.findall(r"uses: (.*)$", path.read_text(), re.MULTILINE)}
    assert len({action.partition("@")[0] for action in used}) == len(used)


def test_what_is_pinned_is_kept_fresh() -> None:
    (updates,) = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    assert (updates["package-ecosystem"], updates["directory"]) == ("github-actions", "/")


def test_a_release_has_the_version_of_the_package() -> None:
    (expression,) = re.findall(r"sed -n '(s/\^__version__.*?/p)'", RELEASE)
    command = ["sed", "-n", expression, str(ROOT / "vmagent_operator/__init__.py")]
    assert subprocess.run(command, capture_output=True, text=True).stdout == f"{__version__}\n"


def test_a_release_finds_the_image_that_it_names() -> None:
    assert "  repository: vmagent-operator\n" in (ROOT / "manifests/chart/values.yaml").read_text()
    assert f"image: vmagent-operator:{__version__}\n" in (ROOT / "manifests/install.yaml").read_text()
    assert "s|^  repository: vmagent-operator$|" in RELEASE
    assert "s|image: vmagent-operator:$version|" in RELEASE


def test_the_bill_of_materials_is_the_lock() -> None:
    command = [sys.executable, str(ROOT / "image/sbom.py"), str(ROOT / "requirements.lock")]
    bill = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    found = {f"{item['name']}=={item['version']}": len(item["properties"]) for item in bill["components"]}
    assert [*found] == re.findall(r"^([a-z0-9-]+==[^\s;]+)", LOCK, re.MULTILINE)
    assert sum(found.values()) == LOCK.count("--hash=sha256:")
    assert bill["dependencies"][0]["dependsOn"] == [item["purl"] for item in bill["components"]]


@pytest.mark.parametrize("path", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yaml")), ids=lambda path: path.name)
def test_an_issue_template_is_a_form(path: Path) -> None:
    form: dict[str, Any] = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= form.keys()
    ids = [field["id"] for field in form["body"]]
    assert len({*ids}) == len(ids)
    assert all(field["attributes"]["label"] for field in form["body"])

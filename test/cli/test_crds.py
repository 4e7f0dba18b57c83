"""`crds`: what is committed under manifests/crd, on standard output or in a directory."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import validators

from vmagent_operator.api import jsonschema
from vmagent_operator.api.kinds import KINDS
from vmagent_operator.cli import manifests
from vmagent_operator.cli.commands import crds

COMMITTED = Path(__file__).parents[2] / "manifests" / "crd"


def test_directory_is_written_as_committed(tmp_path: Path) -> None:
    assert crds.main(["-output", str(tmp_path / "new")], {}) == 0
    written = {path.name: path.read_text("utf-8") for path in (tmp_path / "new").iterdir()}
    assert written == {path.name: path.read_text("utf-8") for path in COMMITTED.iterdir()}
    assert yaml.safe_load(written.pop("kustomization.yaml"))["resources"] == sorted(written)


def test_definitions_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert crds.main([], {}) == 0
    printed = list(yaml.load_all(capsys.readouterr().out, Loader=yaml.CSafeLoader))
    assert sorted(f"{item['spec']['names']['plural']}.yaml" for item in printed) == sorted(
        path.name for path in COMMITTED.iterdir() if path.name != "kustomization.yaml"
    )
    assert {item["kind"] for item in printed} == {"CustomResourceDefinition"}


def test_unknown_flag_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert crds.main(["--nope"], {}) == 2
    assert "unrecognized arguments: --nope" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_costs_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert crds.main(["-o", str(tmp_path / "file/new")], {}) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'file/new'}: Not a directory\n"


def _schemas(folder: Path) -> dict[str, dict[str, Any]]:
    """What `--format=jsonschema` writes, by kind."""
    assert crds.main(["--format=jsonschema", "-o", str(folder)], {}) == 0
    return {kind.name: json.loads((folder / jsonschema.path(kind)).read_text("utf-8")) for kind in KINDS}


def _faults(schema: dict[str, Any], raw: Any) -> list[str]:
    return [error.message for error in validators.Draft7Validator(schema).iter_errors(raw)]


def test_schemas_are_where_kubeconform_looks_for_them(tmp_path: Path) -> None:
    for schema in _schemas(tmp_path).values():
        validators.Draft7Validator.check_schema(schema)
    assert (tmp_path / "operator.victoriametrics.com/vmagent_v1beta1.json").is_file()
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == len(KINDS)


def test_schemas_take_the_examples(tmp_path: Path) -> None:
    schemas = _schemas(tmp_path)
    examples = [raw for raw in manifests.read([str(COMMITTED.parent / "examples")]) if raw["kind"] in schemas]
    assert {raw["kind"] for raw in examples} >= {"VMAgent", "VMSingle", "VMCluster", "VMServiceScrape"}
    assert {raw["metadata"]["name"]: _faults(schemas[raw["kind"]], raw) for raw in examples} == {
        raw["metadata"]["name"]: [] for raw in examples
    }


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"replicaCuont": 2}, "Additional properties are not allowed ('replicaCuont' was unexpected)"),
        ({"affinity": {"anything": {"newer": 1}}}, ""),
        ({"replicaCount": None}, ""),
        ({"replicaCount": "2"}, "'2' is not of type 'integer', 'null'"),
        (
            {"remoteWrite": [{"url": "http://x", "ulr": 1}]},
            "Additional properties are not allowed ('ulr' was unexpected)",
        ),
        ({"remoteWrite": [{}]}, "'url' is a required property"),
        ({"updateStrategy": "Never"}, "'Never' is not one of ['Recreate', 'RollingUpdate', None]"),
    ],
)
def test_schemas_are_strict(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    raw = {"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": "VMAgent", "metadata": {"name": "x"}}
    spec: dict[str, Any] = {"remoteWrite": [{"url": "http://x"}]}
    assert _faults(_schemas(tmp_path)["VMAgent"], {**raw, "spec": spec | change}) == ([fault] if fault else [])


def test_schemas_are_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert crds.main(["--format=jsonschema"], {}) == 2
    assert "--format=jsonschema needs --output" in capsys.readouterr().err

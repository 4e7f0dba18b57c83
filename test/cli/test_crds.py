"""`crds`: what is committed under manifests/crd, on standard output or in a directory."""

from pathlib import Path

import pytest
import yaml

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

"""What `kubectl kustomize` makes of our folders."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"


@cache
def build(folder: Path | str) -> tuple[dict[str, Any], ...]:
    """The objects of the kustomization in `folder`, relative to manifests unless absolute."""
    command = ["kubectl", "kustomize", str(MANIFESTS / folder)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return tuple(yaml.safe_load_all(built.stdout))


def build_with(components: list[str], tmp_path: Path) -> tuple[dict[str, Any], ...]:
    """The objects of base with `components`, put together in `tmp_path` as a user's overlay does."""
    # kustomize wants relative paths
    up = "../" * len(tmp_path.resolve().parts[1:])
    overlay = {
        "resources": [f"{up}{str(MANIFESTS / 'base')[1:]}"],
        "components": [f"{up}{str(MANIFESTS / 'components' / name)[1:]}" for name in components],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    return build(tmp_path)


def one(objects: tuple[dict[str, Any], ...], kind: str, name: str = "vmagent-operator") -> dict[str, Any]:
    """The only object of this kind and name."""
    (found,) = [item for item in objects if item["kind"] == kind and item["metadata"]["name"] == name]
    return found


def examples() -> dict[str, list[dict[str, Any]]]:
    """The objects of each example, by file name."""
    return {path.name: list(yaml.safe_load_all(path.read_text())) for path in sorted(MANIFESTS.glob("examples/*.yaml"))}


def cases(folder: str = ".") -> list[dict[str, Any]]:
    """Objects and how the admission policies judge them: the documents of a folder of cases."""
    paths = sorted((Path(__file__).parent / "cases" / folder).glob("*.yaml"))
    return [case for path in paths for case in yaml.safe_load_all(path.read_text())]

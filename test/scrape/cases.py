"""Reading the YAML cases beside a test, and small builders of what the package works on."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from vmagent_operator.api.kinds import read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.settings import Settings, load

Case = dict[str, Any]


def cases(name: str) -> pytest.MarkDecorator:
    """Parametrize a test with the documents of `<name>.yaml`."""
    documents = list(yaml.safe_load_all((Path(__file__).parent / f"{name}.yaml").read_text()))
    return pytest.mark.parametrize("case", documents, ids=[document["name"] for document in documents])


def agent(spec: dict[str, Any] | None = None, **metadata: Any) -> CustomObject[Any]:
    """A VMAgent mon/main that selects everything, or what `spec` says."""
    return obj(
        "VMAgent", {"remoteWrite": [{"url": "http://vm"}], "selectAllByDefault": True} | (spec or {}), **metadata
    )


def obj(kind: str, spec: Any, **metadata: Any) -> CustomObject[Any]:
    """An object of `kind`, named mon/main unless `metadata` says otherwise."""
    return read({"kind": kind, "metadata": {"namespace": "mon", "name": "main"} | metadata, "spec": spec})


def settings(**environ: str) -> Settings:
    """Settings of an operator with this environment."""
    return load(environ)

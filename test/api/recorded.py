"""The CustomResourceDefinitions that the Go operator ships (`crd/`, without descriptions)."""

import functools
from pathlib import Path
from typing import Any

import yaml

from vmagent_operator.api.kinds import Kind
from vmagent_operator.model.decode import Manifest


@functools.cache
def definition(kind: Kind[Any], folder: Path = Path(__file__).parent) -> Manifest:
    """The recorded definition of `kind`; not to be changed."""
    text = (folder / "crd" / f"{kind.plural}.yaml").read_text("utf-8")
    found: Manifest = yaml.load(text, Loader=yaml.CSafeLoader)
    return found


def spec_schema(kind: Kind[Any], folder: Path = Path(__file__).parent) -> Manifest:
    """The schema of its spec."""
    found: Manifest = definition(kind, folder)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found

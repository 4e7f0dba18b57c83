"""The CustomResourceDefinitions that the Go operator ships (`crd/`, without descriptions)."""

import functools
from pathlib import Path
from typing import Any

import yaml

from vmagent_operator.api.kinds import Kind
from vmagent_operator.model.decode import Manifest


@functools.cache
def definition(kind: Kind[Any]) -> Manifest:
    """The recorded definition of `kind`; not to be changed."""
    text = (Path(__file__).parent / "crd" / f"{kind.plural}.yaml").read_text("utf-8")
    found: Manifest = yaml.load(text, Loader=yaml.CSafeLoader)
    return found


def spec_schema(kind: Kind[Any]) -> Manifest:
    """The schema of its spec."""
    found: Manifest = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found

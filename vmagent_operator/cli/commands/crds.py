"""`crds`: the CustomResourceDefinitions, printed or written to a directory with a kustomization beside them."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from vmagent_operator.api.crd import manifest
from vmagent_operator.api.kinds import KINDS
from vmagent_operator.cli import manifests


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print every CustomResourceDefinition as YAML, or write each to a file of its own in the directory of `--output`."""
    parser = argparse.ArgumentParser(prog="vmagent-operator crds", description=__doc__)
    parser.add_argument("-o", "-output", "--output", metavar="DIR", type=Path, help="directory to write to")
    try:
        output = parser.parse_args(arguments).output
    except SystemExit as stop:
        return int(stop.code or 0)
    definitions = {f"{kind.plural}.yaml": manifest(kind) for kind in KINDS}
    if output is None:
        print(manifests.dump(definitions.values(), "yaml"), end="")
        return 0
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(definitions),
    }
    output.mkdir(parents=True, exist_ok=True)
    for name, content in {**definitions, "kustomization.yaml": kustomization}.items():
        (output / name).write_text(manifests.dump([content], "yaml"), encoding="utf-8")
    return 0

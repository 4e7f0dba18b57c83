"""`crds`: the CustomResourceDefinitions, printed or written to a directory with a kustomization beside them."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from vmagent_operator.api.crd import manifest
from vmagent_operator.api.kinds import KINDS
from vmagent_operator.cli import manifests, options


@options.ending
def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print every CustomResourceDefinition as YAML, or write each to a file of its own in the directory of `--output`."""
    output = parser().parse_args(arguments).output
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


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = options.parser(
        "crds", "Print the CustomResourceDefinitions, or write each to a file of its own, with a kustomization."
    )
    made.add_argument("-o", "-output", "--output", metavar="DIR", type=Path, help="directory to write to")
    return made

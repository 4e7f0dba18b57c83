"""`crds`: the CustomResourceDefinitions, printed or as files with a kustomization; or JSON schemas of the kinds as files."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from vmagent_operator.api import jsonschema
from vmagent_operator.api.crd import manifest
from vmagent_operator.api.kinds import KINDS
from vmagent_operator.cli import manifests, options


@options.ending
def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print every CustomResourceDefinition as YAML, or write what `--format` says to the directory of `--output`."""
    made = parser()
    parsed = made.parse_args(arguments)
    if parsed.output is not None:
        _write(parsed.output, FORMATS[parsed.format]())
    elif parsed.format == "crd":
        print(manifests.dump([manifest(kind) for kind in KINDS], "yaml"), end="")
    else:
        made.error(f"--format={parsed.format} needs --output: each kind has a file of its own")
    return 0


def _definitions() -> Mapping[str, str]:
    """The files of a directory that kustomize reads."""
    definitions = {f"{kind.plural}.yaml": manifest(kind) for kind in KINDS}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(definitions),
    }
    contents = {**definitions, "kustomization.yaml": kustomization}
    return {name: manifests.dump([content], "yaml") for name, content in contents.items()}


def _schemas() -> Mapping[str, str]:
    """The files of a directory that editors and kubeconform read."""
    return {jsonschema.path(kind): f"{json.dumps(jsonschema.document(kind), indent=1)}\n" for kind in KINDS}


FORMATS = {"crd": _definitions, "jsonschema": _schemas}
"""What makes the files of each form, by their paths."""


def _write(folder: Path, contents: Mapping[str, str]) -> None:
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = options.parser(
        "crds",
        "Print the CustomResourceDefinitions, or write each to a file of its own, with a kustomization; or write JSON "
        "schemas of the kinds, for editors and kubeconform.",
    )
    made.add_argument("-o", "-output", "--output", metavar="DIR", type=Path, help="directory to write to")
    made.add_argument("--format", choices=sorted(FORMATS), default="crd", help="what to write (default: crd)")
    return made

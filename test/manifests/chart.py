"""What helm makes of our chart."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import yaml
from attrs import frozen

from test.controlplane import binaries
from test.manifests.written import CHART

RELEASE = "vmagent-operator"


@frozen
class Rendered:
    """The objects of a release, or why there are none."""

    objects: tuple[dict[str, Any], ...] = ()
    refusal: str = ""


def helm(*arguments: str, stdin: str = "", program: str = "helm") -> subprocess.CompletedProcess[str]:
    """What helm, built on first use, says. Raises Unavailable."""
    command = [str(binaries.tool(program)), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True)


def render(values: Mapping[str, Any], *options: str, namespace: str = RELEASE) -> Rendered:
    """The chart with these values, as a release of its own name."""
    given = ("template", RELEASE, str(CHART), "--namespace", namespace, "--values", "-", *options)
    done = helm(*given, stdin=json.dumps(dict(values)))
    if done.returncode:
        return Rendered(refusal=done.stderr)
    return Rendered(
        tuple(item for item in yaml.load_all(done.stdout, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if item)
    )

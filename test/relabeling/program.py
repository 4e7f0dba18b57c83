"""The program of `main.go`: prometheus-operator's configurations, and the relabeling of Prometheus and of vmagent."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from test.controlplane import binaries

Asked = Mapping[str, Sequence[Mapping[str, Any]]]
Applied = dict[str, list[list[dict[str, str] | None]]]


@cache
def path() -> Path:
    """The program, built on first use, which takes two minutes of a processor; without Go to build it, the test is skipped."""
    try:
        return binaries.program("relabeling", Path(__file__).parent)
    except binaries.Unavailable as reason:
        pytest.skip(str(reason))


def generated(objects: Sequence[Mapping[str, Any]]) -> str:
    """The configuration that prometheus-operator makes for a Prometheus that selects all of them."""
    return _run("generate", objects)


def applied(asked: Asked) -> Applied:
    """What becomes of label sets by rules, for `prometheus` and for `vmagent`; None for a set that is dropped."""
    made: Applied = json.loads(_run("apply", asked))
    return made


def _run(command: str, given: Any) -> str:
    done = subprocess.run([path(), command], input=json.dumps(given), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout

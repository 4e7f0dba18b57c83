"""The image is built from what is locked, and runs as an unprivileged process 1."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from test.manifests.built import ROOT
from vmagent_operator import __version__

DOCKERFILE = (ROOT / "Dockerfile").read_text()
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")


def instruction(name: str) -> str:
    """The argument of the last instruction of this name, which is the one that counts."""
    return str(re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)[-1])


def test_it_runs_as_a_numeric_user_without_a_shell() -> None:
    assert instruction("USER") == "65532:65532"
    assert json.loads(instruction("ENTRYPOINT")) == ["python", "-m", "vmagent_operator"]
    assert "HEALTHCHECK" not in DOCKERFILE


def test_it_has_the_version_of_the_package() -> None:
    assert re.findall(r"^ARG VERSION=(.+)$", DOCKERFILE, re.MULTILINE) == [__version__]


def test_what_it_copies_is_in_the_context() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]
    }
    assert copied == kept


def test_the_lock_has_every_requirement_with_hashes() -> None:
    wanted = {re.split(r"[<>=!~\[; ]", line)[0] for line in SETUP["options"]["install_requires"].split("\n") if line}
    locked = re.findall(
        r"^([a-z0-9-]+)==\S+.*\\\n    --hash=sha256:", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    assert wanted <= {*locked}


HADOLINT = shutil.which("hadolint", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed")
def test_the_linter_is_content() -> None:
    done = subprocess.run([str(HADOLINT), ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.stdout == ""

"""The repository in another folder, so that what a run leaves there, or another run, disturbs nobody."""

import os
import sys
from pathlib import Path

from test.demo.examples import ROOT

PARTS = (
    "vmagent_operator",
    "test",
    "manifests",
    "docs",
    "Makefile",
    "setup.cfg",
    "pyproject.toml",
    "README.md",
    "Dockerfile",
)
PYTHON = sys.executable


def linked(folder: Path) -> Path:
    """`folder` with links to the repository, and this Python's environment as its `.venv`."""
    for name in PARTS:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def as_it_is() -> dict[str, str]:
    """The environment variables with which `make` takes that environment as it is, and installs nothing."""
    return {"MAKEFLAGS": "READY= DEV=", "MAKELEVEL": "0", "PATH": f"{Path(PYTHON).parent}:{os.environ['PATH']}"}

"""The plugin as krew installs it: what it is told, what is in the archive, and what the first call and the next do."""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
import yaml

import vmagent_operator
from test import krew

URI = "https://example.com/kubectl-vmagent.tar.gz"


@pytest.fixture
def packed(tmp_path: Path) -> bytes:
    """An archive with a wheel that is none."""
    wheel = tmp_path / "vmagent_operator-1-py3-none-any.whl"
    wheel.write_bytes(b"no wheel")
    return krew.archive(wheel)


def test_krew_is_told_what_the_archive_is(packed: bytes) -> None:
    plugin = yaml.safe_load(krew.manifest(packed, URI))
    assert (plugin["apiVersion"], plugin["kind"]) == ("krew.googlecontainertools.github.com/v1alpha2", "Plugin")
    spec = plugin["spec"]
    assert spec["version"] == f"v{vmagent_operator.__version__}"
    assert len(spec["shortDescription"]) <= 60
    (platform,) = spec["platforms"]
    assert platform["uri"] == URI
    assert platform["sha256"] == hashlib.sha256(packed).hexdigest()
    with tarfile.open(fileobj=BytesIO(packed)) as tar:
        found = {entry.name: entry.mode for entry in tar}
    assert found.pop(platform["bin"]) == 0o755
    assert set(found.values()) == {0o644}
    assert set(found) == {"vmagent_operator-1-py3-none-any.whl", "requirements.lock", "LICENSE"}


def test_the_same_wheel_gives_the_same_bytes(packed: bytes, tmp_path: Path) -> None:
    (wheel,) = tmp_path.glob("*.whl")
    os.utime(wheel, (1, 1))
    assert krew.archive(wheel) == packed


def installed(packed: bytes, folder: Path) -> Path:
    """The program as krew leaves it."""
    with tarfile.open(fileobj=BytesIO(packed)) as tar:
        tar.extractall(folder, filter="data")
    return folder / "kubectl-vmagent"


def call(program: Path, home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "XDG_CACHE_HOME": str(home)}
    return subprocess.run([sys.executable, program, *words], env=environ, capture_output=True, text=True, timeout=600)


def test_a_call_after_the_first_is_that_of_the_program(packed: bytes, tmp_path: Path) -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    folder = tmp_path / "home/kubectl-vmagent" / f"vmagent_operator-1-py3-none-any-{version}"
    (folder / "bin").mkdir(parents=True)
    (folder / "complete").touch()
    (folder / "bin/kubectl-vmagent").write_text('#!/bin/sh\necho "called with $*"\nexit 3\n')
    (folder / "bin/kubectl-vmagent").chmod(0o755)
    done = call(installed(packed, tmp_path / "store"), tmp_path / "home", "explain", "vma/main")
    assert (done.returncode, done.stdout, done.stderr) == (3, "called with explain vma/main\n", "")


@pytest.mark.slow
def test_the_first_call_installs_what_is_locked(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "test.krew", "--uri", URI, "--output", str(tmp_path / "dist")]
    subprocess.run(command, cwd=krew.ROOT, check=True)
    program = installed((tmp_path / "dist" / krew.ARCHIVE).read_bytes(), tmp_path / "store")
    for is_first in (True, False):
        done = call(program, tmp_path / "home", "help")
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Usage: kubectl vmagent COMMAND [options]")
        assert bool(re.search("installing into", done.stderr)) == is_first

"""The script behind `make`: which Python it takes, and how it says what is wrong."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from test import environment
from test.environment import Unusable, is_suitable, other, reason

SCRIPT = Path(environment.__file__)
ROOT = SCRIPT.parent.parent


def test_old_pythons_can_read_it() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 7))


@pytest.mark.parametrize(
    ("version", "wanted"),
    [((2, 7), False), ((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)],
)
def test_which_python_will_do(version: tuple[int, int], wanted: bool) -> None:
    assert is_suitable(version) is wanted


def test_another_python_is_looked_for_and_has_to_work() -> None:
    broken = {"python3.13": "/bin/false", "python3.11": sys.executable}
    assert other(broken.get) == sys.executable


def test_no_python_is_one_line() -> None:
    with pytest.raises(Unusable) as caught:
        other(lambda name: None)
    here = ".".join(map(str, sys.version_info[:2]))
    wanted = f"Python 3.11 to 3.13 is needed, {sys.executable} is {here}: install one, or name it: make PYTHON=..."
    assert str(caught.value) == wanted


@pytest.mark.parametrize(
    ("printed", "wanted"),
    [
        ("WARNING: Retrying (Retry(total=0)) after connection broken\nERROR: No matching distribution", "the package index cannot be reached"),
        ("ERROR: Could not find a version that satisfies x (from versions: none)", "the package index cannot be reached"),
        ("SSLError(SSLCertVerificationError(1, 'CERTIFICATE_VERIFY_FAILED'))", "the package index shows a certificate that is not trusted"),
        ("ERROR: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: [Errno 13] Permission denied: '/x'", "/x may not be written"),
        ("ERROR: Package needs another Python", "Package needs another Python"),
        ("", "pip failed"),
    ],
)  # fmt: skip
def test_why_pip_failed(printed: str, wanted: str) -> None:
    assert reason(printed).startswith(wanted)


def test_without_a_network_there_is_one_line_and_the_next_run_goes_on(tmp_path: Path) -> None:
    target = f"VENV={tmp_path / 'venv'}"
    env = {
        **os.environ,
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "0",
    }
    for name in ("MAKEFLAGS", "MAKELEVEL"):  # of the make that may run this test
        env.pop(name, None)
    for number in range(2):
        done = subprocess.run(
            ["make", "run", target, f"PYTHON={sys.executable}"],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 2
        assert ("making the environment" in done.stdout) is (number == 0)
        first, *rest = done.stderr.splitlines()
        assert first.startswith(
            "error: the package index cannot be reached; check the network, or name a mirror or proxy"
        )
        assert all(line.startswith("make: ***") for line in rest), rest
    assert not (tmp_path / "venv/bin/.ready").exists()

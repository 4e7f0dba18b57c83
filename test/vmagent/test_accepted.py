"""Whatever we generate from the recorded cases is accepted by the real vmagent: every flag, every file, every job.

vmagent checks a pod's flags, scrape configuration, relabel and stream aggregation files, and says what it skips.
"""

import glob
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from test.vmagent import pod
from vmagent_operator.cli import manifests

pytestmark = pytest.mark.vmagent
GOLDEN = Path(__file__).parent.parent / "golden"
CHARTS = GOLDEN.parent / "convert" / "charts"
CASES = {path.parent.name: path.parent for path in (*sorted(GOLDEN.glob("*/*/given.yaml")), CHARTS / "given.yaml")}
ENTERPRISE = ("-license=", "-licenseFile", "-license.", "-downsampling.period=", "-retentionFilter=")
"""Flags that only the commercial builds have."""
VOLUMES = "tls-assets|config|config-out|sc-files-out|relabelings-assets|stream-aggr"
REFUSED = yaml.safe_load((Path(__file__).parent / "refused.yaml").read_text())
"""Case -> part of what vmagent says: users' own jobs, flags and files that are at fault, and that we don't touch."""


def _pods(case: Path, folder: Path, program: str) -> list[pod.Command]:
    """The program of every workload of a case that runs it, laid out in `folder`."""
    path = case / "case.yaml"
    environ = ((yaml.safe_load(path.read_text()) or {}) if path.exists() else {}).get("env", {})
    given = manifests.read([str(case / "given.yaml")])
    workloads, objects = pod.rendered(given, {key: str(value) for key, value in environ.items()})
    running = [workload for workload in workloads if pod.program(workload) == program]
    return [pod.command(workload, objects, folder / str(number)) for number, workload in enumerate(running)]


def _missing(command: pod.Command, folder: Path) -> list[str]:
    """Files of the operator's own volumes that flags or configuration name, but that are not there."""
    configurations = [path.read_text() for path in folder.glob("*/config-out/*")]
    texts = [*(text for text in command.arguments if "tmpDataPath" not in text), *configurations]
    named = [path for text in texts for path in re.findall(rf"{folder}/\d+/(?:{VOLUMES})/[^\s\"',]+", text)]
    return [path for path in named if not glob.glob(path)]


def _complaints(program: Path, command: pod.Command) -> list[str]:
    """What the program has against its flags and files."""
    arguments = [argument for argument in command.arguments if not argument.startswith(ENTERPRISE)]
    run = subprocess.run(
        [program, *arguments, "-dryRun", "-loggerLevel=WARN", "-loggerFormat=default"],
        env=command.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = (run.stdout + run.stderr).splitlines()
    return said or ([] if run.returncode == 0 else [f"exit code {run.returncode}"])


@pytest.mark.parametrize("name", CASES)
def test_every_flag_file_and_job_is_accepted(name: str, vmagent: Path, tmp_path: Path) -> None:
    commands = _pods(CASES[name], tmp_path, "vmagent")
    _judge(name, vmagent, commands, tmp_path)


@pytest.mark.parametrize("name", [name for name in CASES if "single" in name])
def test_a_database_accepts_every_flag_file_and_job(name: str, victoria_metrics: Path, tmp_path: Path) -> None:
    _judge(name, victoria_metrics, _pods(CASES[name], tmp_path, "vmsingle"), tmp_path)


def _judge(name: str, program: Path, commands: Sequence[pod.Command], folder: Path) -> None:
    """Fail unless the program takes what it is given, or refuses what the user has given it."""
    complaints = [line for command in commands for line in _complaints(program, command)]
    assert [path for command in commands for path in _missing(command, folder)] == []
    if name in REFUSED and commands:
        assert re.search(REFUSED[name], "\n".join(complaints))
    else:
        assert complaints == []


def test_what_is_refused_is_a_case() -> None:
    assert REFUSED.keys() - CASES.keys() == set()

"""`make run` in a terminal: what it shows, that every suggestion shows something, and that nothing is left of it."""

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from test.controlplane.cluster import eventually
from test.demo import embedded
from test.demo.copy import PYTHON, as_it_is, linked
from test.demo.terminal import Terminal
from test.pace import slowness

COMMAND = (PYTHON, "-m", "test.demo")
SETTLED = "Ctrl-C ends it all and leaves nothing behind."
REST_SECONDS = 20.0  # long beside the hundredths of a second in which the kernel counts
SHOWS = {
    "kubectl get vmagents": "",
    "kubectl label -n shop": "VMAgent monitoring/main  operational  scrapes 1 VMServiceScrape\n",
    "kubectl label namespace": "VMAgent monitoring/sharded  operational  scrapes 1 VMPodScrape\n",
    "kubectl delete -n monitoring deployment": "Deployment monitoring/vmagent-main  made again; 1 of 1 pods ready\n",
    "kubectl delete -n monitoring vmagent": "VMAgent monitoring/ha  gone\n",
    "python -m vmagent_operator explain": "",
    "kubectl get secret": "",
}
"""How each suggestion begins, and what `make run` shows of it; "" for those that only look."""


def suggestions() -> list[str]:
    """The commands that are suggested, each on one line, those that prepare the second terminal aside."""
    text = embedded.ADVICE.replace("\\\n", "")
    return [line.strip() for line in text.splitlines() if re.match(r"  (kubectl|python) ", line)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return linked(tmp_path)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_every_suggestion_shows_something(folder: Path) -> None:
    environ = {"NO_COLOR": "1", "KUBECONFIG": "/nowhere"}
    with Terminal(COMMAND, folder, environ) as terminal:
        shown = terminal.until(SETTLED)
        if not re.search(r"VMAgent monitoring/main +operational  scrapes 2 VMServiceScrapes\n", shown):
            terminal.until("VMAgent monitoring/main  operational  scrapes 2 VMServiceScrapes\n")  # statuses come last
        (page,) = re.findall(r"status page: (http://127\.0\.0\.1:\d+/) ", shown)
        with urllib.request.urlopen(page, timeout=10) as answer:
            assert "monitoring/main" in answer.read().decode()
        for command in suggestions():
            wanted = next(text for start, text in SHOWS.items() if command.startswith(start))
            env = {**os.environ, **as_it_is(), "KUBECONFIG": str(folder / ".run/kubeconfig")}
            done = subprocess.run(
                ["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True, timeout=120
            )
            assert (done.returncode, done.stderr) == (0, ""), command
            assert len(done.stdout) > 10, command
            if wanted:
                terminal.until(wanted)
        terminal.press("\x03")
        assert terminal.ended() == 0
    assert "\x1b" not in terminal.shown
    assert [line for line in terminal.shown.splitlines() if len(line) > 80] == []
    assert not (folder / ".run").exists()


def test_it_rests_and_ends_with_its_terminal(folder: Path) -> None:
    with Terminal(("make", "run"), folder, as_it_is()) as terminal:
        shown = terminal.until(SETTLED)
        assert "\x1b[32moperational\x1b[0m" in shown
        pids = processes(folder)
        assert len(pids) == 2
        eventually(lambda: share(pids, 1.0) < 0.01)  # events and statuses are written a little later
        assert share(pids, REST_SECONDS) < 0.01
        other = subprocess.run(COMMAND, cwd=folder, capture_output=True, text=True, timeout=120)
        assert (other.returncode, other.stdout) == (1, "")
        assert other.stderr == "error: make run is at work in this folder already, in another terminal\n"
    eventually(lambda: processes(folder) == [])
    assert not (folder / ".run").exists()


def test_a_pipe_has_no_colours_and_an_end(folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} | head -1"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("vmagent_operator on an embedded API server; no container runs\n", "")
    eventually(lambda: processes(folder) == [])


def test_an_operator_that_ends_is_told(folder: Path) -> None:
    with Terminal(COMMAND, folder, {"NO_COLOR": "1"}) as terminal:
        terminal.until(SETTLED)
        operator = max(processes(folder))
        os.kill(operator, signal.SIGKILL)
        terminal.until("the operator ended with exit code -9; its log ends so:\n")
        assert terminal.ended() == 1


def processes(folder: Path) -> list[int]:
    """The numbers of Python processes that work in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = (path / "cwd").readlink() == folder and b"python" in (path / "cmdline").read_bytes().split(b"\0")[
                0
            ]
        except OSError:
            continue
        found += [int(path.name)] * is_ours
    return found


def share(pids: list[int], seconds: float) -> float:
    """The part of an idle processor that processes would have had, measured for so long."""
    before = busy_seconds(pids)
    time.sleep(seconds)
    return (busy_seconds(pids) - before) / seconds / slowness()


def busy_seconds(pids: list[int]) -> float:
    """The processor time that processes have had."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")

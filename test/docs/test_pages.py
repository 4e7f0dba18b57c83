"""Every command and manifest of the pages is run, in the order of the page, beside a `make run` of its own."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import define, field

from test.demo.copy import as_it_is, linked
from test.demo.terminal import Terminal
from test.docs.pages import Step, pages, same, save, steps

TABLE: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("pages.yaml").read_text())
PATIENCE_SECONDS = 60.0
"""For the operator to do what an output shows."""
SETTLED = "Ctrl-C ends it all and leaves nothing behind."
WRAPPER = "[ ! -f .state ] || . ./.state; {}\ncode=$?; export -p > .state; exit $code"
"""A command in a shell that knows what earlier ones have exported."""


def how(page: str, step: Step) -> Mapping[str, Any]:
    """What the table says about a step."""
    if step.text in TABLE["mentions"]:
        return {"because": "only mentioned"}
    return dict(TABLE["pages"].get(page, {}).get(step.name, {}))


def runnable(page: str) -> list[Step]:
    """The steps of a page that are run."""
    return [step for step in steps(page) if "because" not in how(page, step) or "as" in how(page, step)]


def test_the_table_is_about_what_there_is() -> None:
    there = {page: {step.name for step in steps(page)} for page in pages()}
    assert {page: set(named) - there.get(page, set()) for page, named in TABLE["pages"].items()} == {
        page: set() for page in TABLE["pages"]
    }
    assert set(TABLE["mentions"]) - {step.text for page in pages() for step in steps(page)} == set()


@define
class Reader:
    """Somebody who types what a page says, in a second terminal."""

    folder: Path
    environ: dict[str, str] = field(factory=dict)

    def type(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command, and wait for its end."""
        return subprocess.run(
            ["bash", "-c", WRAPPER.format(command)],
            cwd=self.folder,
            env={**os.environ, **as_it_is(), **self.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def follow(self, step: Step, rule: Mapping[str, Any]) -> None:
        """Do one step as the table says, and compare what it prints. Raises AssertionError."""
        for command in rule.get("before", ()):
            done = self.type(command)
            assert done.returncode == 0, f"{command}: {done.stderr}"
        if step.is_manifest:
            self.environ["MANIFEST"] = str(save(step, self.folder))
        command = rule.get("as") or ("kubectl apply -f $MANIFEST" if step.is_manifest else step.text)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            done = self.type(command)
            is_right = not step.wanted or same(done.stdout, step.wanted)
            if is_right or not command.startswith("kubectl get") or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        assert done.returncode in rule.get("codes", (0,)), f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        assert is_right, f"{command}: {done.stdout}"


@contextmanager
def beside_make_run(folder: Path) -> Iterator[Reader]:
    """A reader in a repository in which `make run` is at work, in a first terminal."""
    environ = {"KUBECONFIG": str(folder / ".run/kubeconfig")}
    with Terminal(("make", "run"), linked(folder), as_it_is()) as terminal:
        terminal.until(SETTLED)
        yield Reader(folder, environ)
        terminal.press("\x03")
        terminal.ended()
    assert not (folder / ".run").exists()


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
@pytest.mark.parametrize("page", [page for page in pages() if runnable(page)])
def test_a_page_is_true(page: str, tmp_path: Path) -> None:
    with beside_make_run(tmp_path) as reader:
        for step in runnable(page):
            reader.follow(step, how(page, step))

"""The command line as a whole: commands, help, completion, the plugin of kubectl, and how it ends."""

import os
import pty
import subprocess
import sys
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path

import pytest

from test.demo.examples import ROOT
from vmagent_operator.cli import main as commands
from vmagent_operator.cli.commands import completion
from vmagent_operator.cli.main import COMMANDS, main

WITH_PARSER = [name for name, command in COMMANDS.items() if command.has_parser]


def test_an_unknown_command_is_told_with_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lnit"]) == 2
    assert capsys.readouterr().err == "unknown command 'lnit' (did you mean lint?); see vmagent-operator help\n"
    assert main(["help", "xyzzy"]) == 2
    assert capsys.readouterr().err == "unknown command 'xyzzy'; see vmagent-operator help\n"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    _, _, commands_and_more = capsys.readouterr().out.partition("Commands:\n")
    listed = [line.split()[0] for line in commands_and_more.splitlines() if line.startswith("  ")]
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("name", WITH_PARSER)
def test_help_of_a_command_fits_a_terminal(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["help", name]) == 0
    shown = capsys.readouterr().out
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out == shown
    assert shown.startswith(f"usage: vmagent-operator {name} ")
    assert max(map(len, shown.splitlines())) <= 80


def test_help_of_the_operator_is_that_of_its_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "run"]) == 0
    assert "--leader-elect\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["li"], ["limits", "lint"]),
        (["lint", "--s"], ["--strict"]),
        (["lint", "-o", ""], ["github", "json", "sarif", "text"]),
        (["lint", "--output", "s"], ["sarif"]),
        (["lint", "-f", ""], []),
        (["explain", "vma"], ["vmagent/"]),
        (["explain", "vmagent/"], ["vmagent/"]),
        (["explain", "vmagent/main", ""], []),
        (["completion", ""], ["bash", "fish", "zsh"]),
        (["help", "do"], ["doctor"]),
        (["doctor", "--mig"], ["--migration"]),
        (["--printD"], ["--printDefaults"]),
        (["run", "--metrics-b"], ["--metrics-bind-address"]),
        (["--kubeconfig", ""], []),
        (["--once", "--ver"], ["--version"]),
    ],
)
def test_words_are_completed(words: list[str], wanted: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["__complete", *words]) == 0
    assert sorted(capsys.readouterr().out.split()) == wanted


@pytest.fixture
def on_path(tmp_path: Path) -> dict[str, str]:
    """An environment in which the program and the plugin are on the PATH."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    for line in config["options.entry_points"]["console_scripts"].strip().splitlines():
        name, _, target = line.replace(" ", "").partition("=")
        module, _, function = target.partition(":")
        script = tmp_path / name
        script.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            f"from {module} import {function}\nsys.exit({function}())\n"
        )
        script.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}


def run(environ: dict[str, str], *words: str) -> tuple[int, str, str]:
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_bash_completes_what_is_typed(on_path: dict[str, str]) -> None:
    script = """
    source <(vmagent-operator completion bash)
    COMP_WORDS=(vmagent-operator doctor --mi); COMP_CWORD=2
    $(complete -p vmagent-operator | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    assert run(on_path, "bash", "-c", script) == (0, "--migration\n", "")


@pytest.mark.parametrize("shell", list(completion.SCRIPTS))
def test_scripts_name_the_program_and_nothing_else_of_the_template(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "vmagent-operator __complete" in script
    assert not {"NAME", "FUNCTION"} & set(script.replace("_", " ").split())


def test_the_plugin_of_kubectl_speaks_of_itself(on_path: dict[str, str]) -> None:
    code, out, _ = run(on_path, "kubectl-vmagent")
    assert (code, out.splitlines()[0]) == (0, "Usage: kubectl vmagent COMMAND [options]")
    code, out, _ = run(on_path, "kubectl-vmagent", "lint", "--help")
    assert (code, out.splitlines()[0][:34]) == (0, "usage: kubectl vmagent lint [-h] -")
    assert run(on_path, "kubectl-vmagent", "lnit")[::2] == (
        2,
        "unknown command 'lnit' (did you mean lint?); see kubectl vmagent help\n",
    )


def test_kubectl_is_told_what_completes_the_plugin(on_path: dict[str, str]) -> None:
    assert run(on_path, "kubectl_complete-vmagent", "diff", "--fail")[:2] == (0, "--fail-if-jobs-leave\n:0\n")
    assert run(on_path, "kubectl_complete-vmagent", "lint", "-f", "")[:2] == (0, ":0\n")


def test_ctrl_c_ends_a_command_without_a_trace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module(COMMANDS["lint"].module), "main", interrupted)
    assert main(["lint", "-f", "x"]) == commands.INTERRUPTED == 130
    assert capsys.readouterr().err == ""


LOGS = """
from vmagent_operator.cli import flags, logs
import logging, sys
logs.configure(flags.parse(sys.argv[1:]), lambda level: None, lambda: None, lambda: None)
logging.getLogger("vmagent_operator.x").info("a line")
logging.shutdown()
"""


@pytest.mark.parametrize(
    ("arguments", "is_terminal", "is_json"),
    [((), True, False), (("--zap-encoder=json",), True, True), ((), False, True)],
)
def test_a_terminal_gets_text_and_a_file_json(arguments: tuple[str, ...], *, is_terminal: bool, is_json: bool) -> None:
    ours, theirs = pty.openpty() if is_terminal else os.pipe()
    subprocess.run([sys.executable, "-c", LOGS, *arguments], stderr=theirs, cwd=ROOT, check=True, timeout=60)
    line = os.read(ours, 4096)
    os.close(ours)
    os.close(theirs)
    assert b"a line" in line
    assert line.startswith(b"{") == is_json

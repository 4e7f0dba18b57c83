"""The process: what it prints and how it exits before it talks to anybody."""

import json
import os
import subprocess
import sys

import pytest

import vmagent_operator
from vmagent_operator.cli import run


def exits(capsys: pytest.CaptureFixture[str], *arguments: str, **environ: str) -> tuple[int, str, str]:
    code = run.main(arguments, environ)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits(capsys, "-version") == (0, f"{vmagent_operator.__version__}\n", "")
    code, out, _ = exits(capsys, "--client.qps", "--help")
    assert (code, out.split()[0]) == (0, "Usage:")


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        (("-x",), {}, "unknown flag -x; see --help\n"),
        ((), {"VM_FORCERESYNCINTERVAL": "soon"}, "VM_FORCERESYNCINTERVAL: expected a duration such as 1m30s\n"),
        (("-mtls.enable",), {}, "flag -mtls.enable needs -tls.enable\n"),
        (("-leader-elect",), {}, "flag -leader-elect-namespace is needed outside a cluster\n"),
        (
            ("-leader-elect", "-leader-elect-lease-duration=5s"),
            {"POD_NAMESPACE": "n"},
            "leader election: the lease duration must exceed the renew deadline\n",
        ),
        (
            ("-leader-elect", "-leader-elect-lease-duration=1s", "-leader-elect-renew-deadline=500ms"),
            {"POD_NAMESPACE": "n"},
            "leader election: the lease duration must be 2s at least\n",
        ),
        (("-client.qps=0",), {}, "flag -client.qps: expected a number from 0.1 on; see --help\n"),
    ],
)
def test_what_cannot_be_used_costs_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], environ: dict[str, str], message: str
) -> None:
    assert exits(capsys, *arguments, **environ) == (2, "", message)


def test_the_environment_as_it_is_in_effect(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = exits(capsys, "-printDefaults", "-printFormat=json", VM_ENABLETCP6="true")
    found = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert (found["VM_ENABLETCP6"]["value"], found["VM_ENABLETCP6"]["default"]) == ("true", False)
    assert (found["VM_APPREADYTIMEOUT"]["value"], found["VM_APPREADYTIMEOUT"]["default"]) == ("80s", True)


def test_arguments_that_the_chart_of_the_go_operator_passes_start_this_one() -> None:
    given = ("--zap-log-level=info", "--leader-elect", "--health-probe-bind-address=0", "--webhook.enable=true")
    command = [sys.executable, "-m", "vmagent_operator", *given, "--metrics-bind-address=0", "--kubeconfig=/none"]
    environ = {**os.environ, "POD_NAMESPACE": "n", "OPERATOR_NAME": "victoria-metrics-operator"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert (done.returncode, said[-1]["msg"]) == (1, "start: /none cannot be used: there is no such file")
    (warning,) = [record["msg"] for record in said if record["level"] == "warning"]
    assert warning.startswith("flag -webhook.enable: there is no admission webhook")

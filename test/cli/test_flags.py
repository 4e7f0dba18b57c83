"""The flags: what Go's flag package takes, one line for what it does not, and nothing undocumented."""

import pytest

from vmagent_operator.cli import flags
from vmagent_operator.cli.flags import FlagError


def test_one_or_two_dashes_with_or_without_equals() -> None:
    found = flags.parse(["-client.qps=7", "--client.burst", "9", "--leader-elect", "-dry-run=false", "-once=t"])
    assert (found["client.qps"], found["client.burst"]) == (7.0, 9)
    assert (found["leader-elect"], found["dry-run"], found["once"]) == (True, False, True)
    assert found.given == {"client.qps", "client.burst", "leader-elect", "dry-run", "once"}


def test_durations_are_seconds() -> None:
    assert flags.parse(["-watch.minTimeout=1h0m1.5s"])["watch.minTimeout"] == 3601.5


def test_a_boolean_never_takes_the_next_word() -> None:
    with pytest.raises(FlagError, match=r"^unexpected argument 'false'$"):
        flags.parse(["-leader-elect", "false"])


def test_kinds_are_spelled_in_any_case_and_unbuilt_ones_accepted() -> None:
    found = flags.parse(["-controller.disableReconcileFor=vmprobe,VMAlert,ServiceMonitor,prometheusrule"])
    assert found["controller.disableReconcileFor"] == {"VMProbe", "VMAlert", "ServiceMonitor", "PrometheusRule"}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("-nope", "unknown flag -nope"),
        ("-client.burst", "flag -client.burst needs a value"),
        ("-client.qps=0", "flag -client.qps: expected a number from 0.1 on"),
        ("-client.qps=-1", "flag -client.qps: expected a number from 0.1 on"),
        ("-client.qps=nan", "flag -client.qps: expected a number from 0.1 on"),
        ("-client.qps=inf", "flag -client.qps: expected a number from 0.1 on"),
        ("-client.requestTimeout=0", "flag -client.requestTimeout: expected a duration above 0"),
        ("-client.burst=0", "flag -client.burst: expected a whole number above 0"),
        ("-tls.enable=maybe", "flag -tls.enable: expected true or false"),
        ("-watch.idleTimeout=-3s", "flag -watch.idleTimeout: expected a duration above 0"),
        ("-controller.backoffBase=-3s", "flag -controller.backoffBase: expected a duration that is not negative"),
        ("-zap-encoder=xml", "flag -zap-encoder: expected one of json, console"),
        (
            "-controller.disableReconcileFor=VMAgent,vmsingle,VMCluster",
            "flag -controller.disableReconcileFor: nothing is left to reconcile",
        ),
        ("-controller.disableReconcileFor=Pod", "flag -controller.disableReconcileFor: 'Pod' is no kind"),
        ("word", "unexpected argument 'word'"),
        ("--", "unexpected argument '--'"),
    ],
)
def test_what_cannot_be_used_costs_one_line(argument: str, message: str) -> None:
    with pytest.raises(FlagError) as caught:
        flags.parse([argument])
    assert str(caught.value) == message


def test_flags_of_the_webhook_are_accepted_and_what_is_missed_by_that_is_said() -> None:
    found = flags.parse(["-webhook.enable=true", "-webhook.port=9443", "-client.qps=7"])
    assert found.missed() == {
        "webhook.enable": "there is no admission webhook: objects are checked in reconciles, and by the policies of manifests/policy",
        "webhook.port": "",
    }
    assert flags.parse(["--webhook.enable=false"]).missed() == {"webhook.enable": ""}


def test_every_flag_is_told_of() -> None:
    text = flags.usage()
    assert [flag.name for flag in flags.FLAGS if f"--{flag.name}" not in text] == []
    assert max(map(len, text.splitlines())) <= 120

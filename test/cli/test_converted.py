"""`render` and `explain` of Prometheus objects."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmagent_operator.cli.commands import explain, render

GROUP = "operator.victoriametrics.com/v1beta1"
AGENT = {
    "apiVersion": GROUP,
    "kind": "VMAgent",
    "metadata": {"name": "main", "namespace": "mon"},
    "spec": {"remoteWrite": [{"url": "http://vm"}], "selectAllByDefault": True},
}


def monitor(**spec: Any) -> dict[str, Any]:
    """A ServiceMonitor."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": "web", "namespace": "mon", "labels": {"a": "b"}},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "endpoints": [{"port": "http"}], **spec},
    }


def target(**metadata: Any) -> dict[str, Any]:
    """A VMServiceScrape of the same name."""
    spec = {"selector": {}, "endpoints": [{"port": "own"}]}
    named = {"name": "web", "namespace": "mon", **metadata}
    return {"apiVersion": GROUP, "kind": "VMServiceScrape", "metadata": named, "spec": spec}


def by_us(manager: str, operation: str) -> dict[str, Any]:
    """The metadata of what this field manager has made."""
    return {
        "managedFields": [{"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {"f:endpoints": {}}}}]
    }


@pytest.fixture
def given(tmp_path: Path) -> Any:
    """Writes objects into a file; its path."""

    def write(*objects: dict[str, Any]) -> str:
        file = tmp_path / "given.yaml"
        file.write_text(yaml.safe_dump_all(objects))
        return str(file)

    return write


def rendered(
    capsys: pytest.CaptureFixture[str], file: str, code: int = 0, **environ: str
) -> tuple[dict[str, Any], str]:
    """The VMServiceScrape mon/web of a rendering, and what it said."""
    assert render.main(["-f", file, "--decode-secrets"], environ) == code
    out, err = capsys.readouterr()
    documents = list(yaml.safe_load_all(out))
    found = [each for each in documents if each["kind"] == "VMServiceScrape" and each["metadata"]["name"] == "web"]
    lines = (line.strip() for line in re.sub(r"^\S+:\d+: ", "", err, flags=re.M).splitlines())
    head, *rest = [line for line in lines if not line.startswith("see ")] or [""]
    return next(iter(found), {}), f"{head} | {' '.join(rest)}" if rest else head


def test_the_target_is_rendered_and_selected(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made, err = rendered(capsys, given(AGENT, monitor()))
    assert made["metadata"] == {"name": "web", "namespace": "mon", "labels": {"a": "b"}}
    assert made["spec"] == {"selector": {"matchLabels": {"app": "web"}}, "endpoints": [{"port": "http"}]}
    assert made["status"]["updateStatus"] == "operational"
    assert err == ""


def test_losses_are_told_and_faults_fail(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made, err = rendered(capsys, given(monitor(targetLimit=1)))
    lost = "spec.targetLimit: vmagent's kinds have no such limit"
    assert err == f"warning: ServiceMonitor mon/web | VMServiceScrape mon/web lacks {lost}"
    assert made["metadata"]["annotations"] == {"operator.victoriametrics.com/not-converted": "spec.targetLimit"}
    made, err = rendered(capsys, given(monitor(jobLabel=1)), code=1)
    fault = "error: ServiceMonitor mon/web | spec.jobLabel: expected string, got integer"
    assert (made, err) == ({}, fault)


def test_somebodys_own_object_is_left_alone(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made, err = rendered(capsys, given(target(), monitor()))
    assert "spec" not in made
    assert err == (
        "warning: ServiceMonitor mon/web | VMServiceScrape mon/web exists and is not converted from ServiceMonitor web: "
        "delete or rename it"
    )


@pytest.mark.parametrize("writer", [("vmagent-operator", "Apply"), ("vm-operator", "Update")])
def test_what_was_converted_is_converted_again(
    given: Any, capsys: pytest.CaptureFixture[str], writer: tuple[str, str]
) -> None:
    made, err = rendered(capsys, given(target(**by_us(*writer)), monitor()))
    assert (made["spec"]["endpoints"], err) == ([{"port": "http"}], "")
    ignored = {"annotations": {"operator.victoriametrics.com/ignore-prometheus-updates": "enabled"}}
    made, err = rendered(capsys, given(target(**by_us(*writer), **ignored), monitor()))
    assert "spec" not in made
    assert err == "warning: ServiceMonitor mon/web | VMServiceScrape mon/web is to be left as it is"


def test_a_name_that_many_programs_have_is_no_proof(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made, err = rendered(capsys, given(target(**by_us("app", "Update")), monitor()))
    assert "spec" not in made
    assert "VMServiceScrape mon/web exists and is not shown to be converted from ServiceMonitor web" in err
    assert "any program may write as 'app', and its labels.a is not what the Go operator makes of the source" in err


def test_what_is_switched_off_or_elsewhere_is_not_rendered(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for environ in ({"VM_ENABLEDPROMETHEUSCONVERTER_SERVICESCRAPE": "false"}, {"WATCH_NAMESPACE": "other"}):
        assert rendered(capsys, given(monitor()), code=0, **environ) == ({}, "")


def test_a_kind_of_another_group_is_passed_over(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made, err = rendered(capsys, given(monitor() | {"apiVersion": "azmonitoring.coreos.com/v1"}))
    assert (made, err) == ({}, "")


def explained(capsys: pytest.CaptureFixture[str], file: str, code: int = 3, **environ: str) -> list[str]:
    """What is said of the monitor."""
    assert explain.main(["servicemonitor/web", "-n", "mon", "-f", file], environ) == code
    return capsys.readouterr().out.splitlines()


def test_the_chain_is_followed_to_the_job(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert explained(capsys, given(AGENT, monitor()), 0) == [
        "ServiceMonitor mon/web",
        "  VMServiceScrape mon/web",
        "    VMAgent mon/main: scraped, 1 job: serviceScrape/mon/web/0",
    ]


def test_the_chain_ends_where_it_is_broken(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert explained(capsys, given(AGENT, monitor(jobLabel=1))) == [
        "ServiceMonitor mon/web",
        "  not converted: spec.jobLabel: expected string, got integer",
    ]
    assert explained(capsys, given(monitor()), WATCH_NAMESPACE="other") == [
        "ServiceMonitor mon/web",
        "  not converted: the settings leave it out",
    ]
    lines = explained(capsys, given(AGENT, monitor(targetLimit=1, endpoints=[{"port": "a", "interval": "soon"}])))
    assert lines[1].startswith("  VMServiceScrape mon/web lacks spec.targetLimit")
    assert lines[3].startswith("    VMAgent mon/main: not scraped: object: spec.endpoints[0].interval")


def test_a_name_that_does_not_exist_is_told_with_the_nearest(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.main(["servicemonitors/wbe", "-n", "mon", "-f", given(monitor())], {}) == 1
    assert capsys.readouterr().err == "there is no ServiceMonitor mon/wbe; did you mean mon/web?\n"

"""Each alert fires when it should and only then, and says what to do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.controlplane import binaries
from test.manifests.built import MANIFESTS

RULES = yaml.safe_load((MANIFESTS / "monitoring/victoriametrics/vmrule.yaml").read_text())["spec"]
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
DAYS = yaml.safe_load((Path(__file__).parent / "alerts.yaml").read_text())
RUNBOOKS = "https://vmagent-operator.github.io/vmagent-operator/runbooks/#"
HEALTHY_TIMES = [*(f"{hour}h" for hour in range(1, 25)), *(f"{minute}m" for minute in range(715, 745))]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_means_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in {"info", "warning", "critical"}
    assert name.startswith("VMAgentOperator")  # other operators have an OperatorDown too
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"] == RUNBOOKS + name.lower()


def test_every_alert_has_a_day_on_which_it_fires() -> None:
    assert DAYS["troubles"].keys() == ALERTS.keys()


@pytest.mark.cluster
@pytest.mark.parametrize("name", DAYS["troubles"])
def test_an_alert_fires_alone_once_its_trouble_lasts(name: str, tmp_path: Path) -> None:
    trouble = DAYS["troubles"][name]
    play(DAYS["healthy"] | trouble["series"], {trouble["before"]: [], trouble["firing"]: [name]}, tmp_path)


@pytest.mark.cluster
def test_a_healthy_day_with_a_rolling_restart_is_silent(tmp_path: Path) -> None:
    play(DAYS["healthy"], {time: [] for time in HEALTHY_TIMES}, tmp_path)


def play(series: dict[str, str], firing: dict[str, list[str]], folder: Path) -> None:
    """Assert which alerts are `firing` at each time, counted from the first value of the series."""
    labelled = [
        {"series": re.sub(r"\{", '{job="vmagent-operator", ', name), "values": values}
        for name, values in series.items()
    ]
    wanted: list[dict[str, Any]] = [
        {
            "eval_time": time,
            "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
        }
        for time, names in firing.items()
    ]
    day = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": labelled, "metricsql_expr_test": wanted}],
    }
    (folder / "rules.yaml").write_text(yaml.safe_dump(RULES))
    (folder / "day.yaml").write_text(yaml.safe_dump(day))
    tool = binaries.victoria("vmalert-tool")
    done = subprocess.run([tool, "unittest", f"--files={folder / 'day.yaml'}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

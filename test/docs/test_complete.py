"""Pages that say something about each of what there is: alerts and Events."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

import yaml

from test.demo.examples import ROOT
from vmagent_operator.controller.engine.result import RULES

RUNBOOKS = (ROOT / "docs/runbooks.md").read_text("utf-8")
TYPES = {"Normal", "Warning"}


def test_each_alert_has_its_runbook_and_each_runbook_its_alert() -> None:
    rules = yaml.safe_load((ROOT / "manifests/monitoring/victoriametrics/vmrule.yaml").read_text("utf-8"))["spec"]
    alerts = sorted(rule["alert"] for group in rules["groups"] for rule in group["rules"])
    assert sorted(re.findall(r"^## (\w+)$", RUNBOOKS, re.M)) == alerts


def test_each_runbook_says_what_it_means_what_to_look_at_and_what_to_do() -> None:
    _, *sections = re.split(r"^## ", RUNBOOKS, flags=re.M)
    leads = {section.partition("\n")[0]: re.findall(r"^\*\*(\w+):\*\*", section, re.M) for section in sections}
    assert leads == {name: ["Means", "See", "Do"] for name in leads}


def test_each_event_is_explained() -> None:
    page = (ROOT / "docs/events.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.M))
    assert {reason for reason, _ in explained} == set(_reasons()) | {rule.event for rule in RULES.values()}


def _reasons() -> Iterator[str]:
    """The reasons that stand in the code: after the type of an Event, or as the `event` of a result."""
    for path in (ROOT / "vmagent_operator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                texts = [_text(argument) for argument in node.args]
                yield from (after for type_, after in pairwise(texts) if type_ in TYPES and after)
                yield from filter(None, (_text(word.value) for word in node.keywords if word.arg == "event"))


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""

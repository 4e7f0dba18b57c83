"""What is told about a cluster: cases, and the lines as a screen shows them."""

import io
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.demo.account import Key, Line, agents, changes, databases, is_settled, made, scrapes
from test.demo.screen import Screen, is_coloured
from vmagent_operator.kube.resource import Manifest

CASES = yaml.safe_load(Path(__file__).with_name("test_account.yaml").read_text())


def state(objects: Mapping[str, Any]) -> dict[Key, Manifest]:
    """The snapshot that a case describes."""
    found = {}
    for title, parts in objects.items():
        kind, _, place = title.partition(" ")
        namespace, _, name = place.partition("/")
        found[kind, namespace, name] = {"metadata": {}, **parts}
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_change(case: dict[str, Any]) -> None:
    found = changes(state(case["before"]), state(case["after"]))
    assert [f"{line.subject} | {line.state} | {line.text}".strip() for line in found] == case["want"]


SCRAPED = {"status": {"updateStatus": "operational"}}
AGENT = {"spec": {"selectAllByDefault": True}, "status": {"updateStatus": "operational"}}


@pytest.mark.parametrize(
    ("objects", "wanted"),
    [
        ({}, False),
        ({"VMAgent m/a": AGENT}, True),
        ({"VMAgent m/a": {"status": {"updateStatus": "expanding"}}}, False),
        ({"VMAgent m/a": AGENT, "VMSingle m/a": {"status": {"updateStatus": "expanding"}}}, False),
        ({"VMAgent m/a": AGENT, "VMPodScrape m/p": {}}, False),
        ({"VMAgent m/a": AGENT, "VMPodScrape m/p": SCRAPED}, True),
    ],
)
def test_when_it_has_settled(objects: dict[str, Any], wanted: bool) -> None:
    assert is_settled(state(objects)) is wanted


def test_the_summary() -> None:
    ignored = {"status": {"updateStatus": "ignored", "reason": "nobody"}}
    own = {"metadata": {"ownerReferences": [{}]}, "status": {"updateStatus": "operational"}}
    found = state(
        {"VMAgent m/a": AGENT, "VMProbe m/p": ignored, "VMServiceScrape m/a": own, "Secret m/s": {}, "Secret m/t": {}}
    )
    single = {("VMSingle", "m", "a"): {"metadata": {}, "status": {"updateStatus": "operational"}}}
    assert databases(found | single) == [Line("VMSingle m/a", "operational", "stores what it is sent")]
    assert made(found | single) == made(found)
    assert agents(found) == [Line("m/a", "operational", "scrapes nothing")]
    assert scrapes(found) == [Line("VMProbe m/p", "ignored", "nobody")]
    assert made(found) == "2 Secrets, 1 VMServiceScrape"


def shown(*, has_colour: bool = False) -> str:
    out = io.StringIO()
    screen = Screen(out, has_colour=has_colour, now=lambda: datetime(2025, 1, 2, 3, 4, 5))
    screen.line(Line("VMAgent m/a", "failed", "a reason " * 12))
    screen.table([Line("m/a", "operational", "b " * 60), Line("monitoring/b", "", "")])
    return out.getvalue()


def test_long_lines_go_on_below_themselves() -> None:
    lines = shown().splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert lines[0].startswith("03:04:05  VMAgent m/a  failed  a reason")
    assert lines[1].startswith(" " * 12 + "reason")
    assert lines[-1] == "  monitoring/b"


def test_colours_change_nothing_but_colours() -> None:
    assert "\033[31mfailed\033[0m" in shown(has_colour=True)
    assert re.sub(r"\033\[\d+m", "", shown(has_colour=True)) == shown()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("out", "environ", "wanted"),
    [
        (_Terminal(), {"TERM": "xterm"}, True),
        (_Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (_Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (_Terminal(), {"TERM": "dumb"}, False),
        (_Terminal(), {}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(out: io.StringIO, environ: dict[str, str], wanted: bool) -> None:
    assert is_coloured(out, environ) is wanted

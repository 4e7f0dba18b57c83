"""What a line of the log says of the reconcile that it belongs to."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from test.controller.world import World, agent, scrape
from vmagent_operator.cli.logs import Lines
from vmagent_operator.controller.engine import work


class Kept(logging.Handler):
    """Keeps lines as they would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(Lines("rfc3339", {"name": "object"}, is_console=False))
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    kept, logger = Kept(), logging.getLogger("vmagent_operator")
    before = logger.level
    logger.addHandler(kept)
    logger.setLevel(logging.DEBUG)
    yield kept.lines
    logger.removeHandler(kept)
    logger.setLevel(before)


def test_every_line_of_a_reconcile_names_its_object_and_itself(lines: list[dict[str, Any]]) -> None:
    world = World()
    world.add(scrape())
    world.add(agent("broken", remoteWrite=[{"url": ""}]))
    world.add(agent(selectAllByDefault=True))
    world.settle()
    (broken,) = (line for line in lines if line["level"] == "warning")
    assert [broken[key] for key in ("kind", "namespace", "object")] == ["VMAgent", "monitoring", "broken"]
    ended = [line for line in lines if line["logger"] == "controller.engine.controller"]
    assert {(line["kind"], line["namespace"], line["object"]) for line in ended} == {
        ("VMAgent", "monitoring", "broken"),
        ("VMAgent", "monitoring", "main"),
        ("VMServiceScrape", "apps", "app"),
        ("VMServiceScrape", "monitoring", "vmagent-main"),
    }
    assert len({line["reconcileID"] for line in ended}) == len(ended), "each reconcile has its own"
    writes = [line for line in lines if "monitoring/main: create" in line["msg"]]
    assert len(writes) > 5
    assert len({line["reconcileID"] for line in writes}) < len(writes), "and all that it logs has the same"


def test_people_read_lines_without_keys() -> None:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "vmagent a/b: x", (), None)
    with work.working_on("VMAgent", "a", "b"):
        line = Lines("epoch", {}, is_console=True).format(record)
    assert line.split("\t")[1:] == ["info", "x", "x.py:1", "vmagent a/b: x"]

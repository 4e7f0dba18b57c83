"""The pytest plugin of `test.mutants`: which test runs which line, and only some tests, in a given order."""

import functools
import gc
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

PACKAGE = Path(__file__).parent.parent / "vmagent_operator"
TRACE, SELECT = "MUTANTS_TRACE", "MUTANTS_SELECT"
REMEMBERED: list[Any] = []
"""What the traced folder's modules keep of earlier calls; without forgetting it, the first test alone would run those lines."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Find what is to be forgotten before each test: the caches of the modules whose mirror is traced, and of no others."""
    if TRACE in os.environ:
        room = PACKAGE.name + session.config.args[0].removeprefix("test").replace("/", ".")
        kind = type(functools.cache(len))
        gc.unfreeze()  # nobody is told of what is frozen
        caches: list[Any] = [each for each in gc.get_objects() if type(each) is kind]
        REMEMBERED[:] = [each for each in caches if f"{each.__module__}.".startswith(f"{room}.")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run only the tests that are named, in that order; where a mutant has changed the name of one, all of its file."""
    if SELECT in os.environ:
        by_name, names = {item.nodeid: item for item in items}, json.loads(Path(os.environ[SELECT]).read_text())
        renamed = {name.partition("::")[0] for name in names if name not in by_name}
        found = [by_name[name] for name in names if name in by_name]
        items[:] = found + [item for item in items if item.nodeid.partition("::")[0] in renamed]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note which lines of the package the test runs, in all its threads."""
    if TRACE not in os.environ:
        yield
        return
    for cache in REMEMBERED:
        cache.cache_clear()
    lines: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(str(PACKAGE)):
            return None
        lines.add((name, frame.f_lineno))
        return trace

    started = time.monotonic()
    sys.settrace(trace)
    threading.settrace(trace)
    yield
    sys.settrace(None)
    threading.settrace(None)
    with Path(os.environ[TRACE]).open("a") as file:
        places = sorted((str(Path(name).relative_to(PACKAGE)), line) for name, line in lines)
        json.dump([item.nodeid, time.monotonic() - started, places], file)
        file.write("\n")

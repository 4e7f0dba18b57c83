"""What the worker of a thread is at."""

import threading
from typing import Any

from vmagent_operator.controller.engine import work


def test_outside_of_a_reconcile_there_is_nothing_to_name() -> None:
    with work.working_on("VMAgent", "a", "b"):
        inside = dict(work.current())
        elsewhere: list[Any] = []
        thread = threading.Thread(target=lambda: elsewhere.append(work.current()))
        thread.start()
        thread.join()
    assert [inside[key] for key in ("kind", "namespace", "name")] == ["VMAgent", "a", "b"]
    assert (dict(elsewhere[0]), dict(work.current())) == ({}, {})

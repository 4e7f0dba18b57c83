"""The rules of the tools themselves, as far as they speak of states that our objects never have."""

from typing import Any

import pytest

from test.status.observers import argo_cd, kstatus, kubectl_wait


def given(status: dict[str, Any] | None, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"generation": 2, **metadata}, **({} if status is None else {"status": status})}


def ready(status: str, **rest: Any) -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": status, **rest}]}


@pytest.mark.parametrize(
    ("obj", "want"),
    [
        (given(None), "Current Progressing False"),
        (given({"observedGeneration": -1}), "InProgress Progressing False"),
        (given({"observedGeneration": 1, "updateStatus": "failed"}), "InProgress Progressing False"),
        (given({"updateStatus": "operational"}, deletionTimestamp="now"), "Terminating Progressing False"),
        (given(ready("Unknown")), "InProgress Progressing False"),
        (given(ready("True", observedGeneration=1)), "Current Progressing False"),
        (given(ready("True") | {"observedGeneration": 2}), "Current Progressing True"),
        (
            given({"conditions": [{"type": "Stalled", "status": "False"}, {"type": "Reconciling", "status": "True"}]}),
            "InProgress Progressing False",
        ),
    ],
)
def test_rules(obj: dict[str, Any], want: str) -> None:
    assert f"{kstatus(obj)} {argo_cd(obj)} {kubectl_wait(obj)}" == want

"""What becomes of structures that users supply."""

from typing import Any

import pytest

from vmagent_operator.desired.defaults import canonical

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "zeros that mean the same as absent go": (
        {"name": "a", "readOnly": False, "stdin": False, "initialDelaySeconds": 0, "subPath": "", "image": None},
        {"name": "a"},
    ),
    "zeros with a meaning of their own stay": (
        {"optional": False, "runAsUser": 0, "tolerationSeconds": 0, "storageClassName": "", "defaultMode": 0},
        {"optional": False, "runAsUser": 0, "tolerationSeconds": 0, "storageClassName": "", "defaultMode": 0},
    ),
    "of some keys a zero has a meaning in one place only": (
        {
            "csi": {"driver": "d", "readOnly": False, "fsType": ""},
            "nfs": {"path": "/", "readOnly": False},
            "fc": {"lun": 0},
        },
        {"csi": {"driver": "d", "readOnly": False, "fsType": ""}, "nfs": {"path": "/"}, "fc": {"lun": 0}},
    ),
    "empty lists and maps go, empty objects stay": (
        {"command": [], "emptyDir": {}, "labelSelector": {"matchLabels": {}}, "annotations": {}, "limits": {}},
        {"emptyDir": {}, "labelSelector": {}},
    ),
    "what the user names counts even when empty": (
        {"args": ["", "a"], "matchLabels": {"app": ""}, "selector": {"app": ""}, "labels": {"a": "b"}},
        {"args": ["", "a"], "matchLabels": {"app": ""}, "selector": {"app": ""}, "labels": {"a": "b"}},
    ),
    "quantities are canonical": (
        {"requests": {"cpu": 0.5, "memory": "1024Mi"}, "emptyDir": {"sizeLimit": "2048Ki"}, "value": "1000m"},
        {"requests": {"cpu": "500m", "memory": "1Gi"}, "emptyDir": {"sizeLimit": "2Mi"}, "value": "1000m"},
    ),
    "a metric's target is a quantity": (
        {"target": {"type": "Value", "value": "1000m", "averageValue": 1500}},
        {"target": {"type": "Value", "value": "1", "averageValue": "1500"}},
    ),
    "a resource field has a divisor": (
        {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]},
        {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "0"}}}]},
    ),
}


@pytest.mark.parametrize(("given", "stored"), CASES.values(), ids=CASES)
def test_canonical(given: dict[str, Any], stored: dict[str, Any]) -> None:
    assert canonical(given) == stored

"""What the cases of running vmagents have in common."""

from typing import Any

from test.vmagent.pod import Manifest

ENVIRON = {"VM_DISABLESELFSERVICESCRAPECREATION": "true"}
"""Environment of the operator: there is no API server for vmagent to find itself in."""


def filled(value: Any, places: dict[str, str]) -> Any:
    """`value` with the real addresses."""
    if isinstance(value, dict):
        return {key: filled(inner, places) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, places) for inner in value]
    return value.format(**places) if isinstance(value, str) and "{" in value else value


def agent(case: dict[str, Any]) -> list[Manifest]:
    """A VMAgent that selects everything, with the files of the case mounted."""
    api = "operator.victoriametrics.com/v1beta1"
    spec = {
        "selectAllByDefault": True,
        "scrapeInterval": "1s",
        "remoteWrite": [{"url": "http://127.0.0.1:9/write"}],
        "configMaps": ["files"],
    }
    return [
        {"apiVersion": api, **obj} if obj["kind"].startswith("VM") else {"apiVersion": "v1", **obj}
        for obj in (
            {"kind": "VMAgent", "metadata": {"name": "a", "namespace": "mon"}, "spec": spec | case.get("agent", {})},
            {"kind": "ConfigMap", "metadata": {"name": "files", "namespace": "mon"}, "data": case.get("files", {})},
            *case["given"],
        )
    ]

"""Events have two groups and one storage: requests to events.k8s.io become requests to the core group, answers turn back."""

import json
from typing import Any

from attrs import evolve

from test.apiserver.routes import Raw

Json = dict[str, Any]
OLD, NEW = ("v1", "/api/v1/"), ("events.k8s.io/v1", "/apis/events.k8s.io/v1/")
NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
BACK = {old: new for new, old in NAMES.items()}


def concerns(raw: Raw) -> bool:
    """Whether a request is for the newer group."""
    return raw.path.startswith(NEW[1]) and raw.method != "OPTIONS" and len(raw.path) > len(NEW[1])


def inward(raw: Raw) -> Raw:
    """The same request to the core group."""
    path = OLD[1] + raw.path.removeprefix(NEW[1])
    try:
        body = json.dumps(_renamed(json.loads(raw.body), NAMES, OLD[0])).encode() if raw.body else b""
    except ValueError:
        body = raw.body  # whoever reads it says what is wrong with it
    return evolve(raw, path=path, body=body)


def outward(body: bytes) -> bytes:
    """An answer, or a line of a watch, of the core group in the newer group's words."""
    return json.dumps(_renamed(json.loads(body), BACK, NEW[0]), separators=(",", ":"), ensure_ascii=False).encode()


def _renamed(value: Any, names: dict[str, str], api_version: str) -> Any:
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "EventList":
        return value | {"apiVersion": api_version, "items": [_fields(item, names) for item in value["items"]]}
    if "object" in value:
        return value | {"object": _renamed(value["object"], names, api_version)}
    return _fields(value, names) | {"apiVersion": api_version} if value.get("kind") == "Event" else value


def _fields(value: Json, names: dict[str, str]) -> Json:
    return {names.get(key, key): part for key, part in value.items()}

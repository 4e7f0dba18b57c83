"""What the Go operator makes of a source: what we do, without what it loses; and whether an object is that. Pure.

Its conversions carry no mark of their own. That an object says exactly what the Go operator would have it say, or says of
itself that it is a ServiceMonitor, is what tells them from somebody's own.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.convert import metadata
from vmagent_operator.convert.blocks import MOVED, NEED_SOURCES
from vmagent_operator.convert.sources import BY_NAME
from vmagent_operator.convert.table import Reading
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Settings

_OAUTH2 = ("oauth2.tlsConfig", "oauth2.proxyUrl")
LOST: Mapping[str, tuple[str, ...]] = {
    "ServiceMonitor": (
        "bodySizeLimit",
        "endpoints.filterRunning",
        *(f"endpoints.{path}" for path in _OAUTH2),
    ),
    "PodMonitor": ("bodySizeLimit", *(f"podMetricsEndpoints.{path}" for path in _OAUTH2)),
    "Probe": ("params", "followRedirects", *_OAUTH2),
    "ScrapeConfig": ("jobName", "bodySizeLimit", "kubernetesSDConfigs.attachMetadata"),
}
"""Fields of a source that we map and the Go operator does not, through lists."""

TRACKING = "argocd.argoproj.io/tracking-id"
"""`APPLICATION:GROUP/KIND:NAMESPACE/NAME` of what Argo CD has applied."""


def doubt(source: CustomObject[Any], live: Manifest, held: Mapping[str, Collection[str]], settings: Settings) -> str:
    """Why `live` may be something else than what the Go operator converted from `source`, as a clause; "" if it is that.

    held: the labels and annotations that whoever wrote the spec has written; others come from people, and say nothing.
    """
    own = live["metadata"]
    for reference in own.get("ownerReferences") or ():
        if not metadata.is_about(reference, source):
            return f"it refers to {reference.get('kind')} {reference.get('name')}"
    annotations = own.get("annotations") or {}
    if any(is_copied(source, annotations) for is_copied in _COPIED):
        return ""
    made = metadata.converted(source, (), settings)
    wanted = {**{part: made.get(part) for part in held}, "spec": _spec(source)}
    found: dict[str, Any] = {
        part: {key: value for key, value in (own.get(part) or {}).items() if key in held[part]} for part in held
    }
    found["spec"] = live.get("spec")
    for path in _differences(_said(wanted), _said(found), ""):
        return f"its {path[1:]} is not what the Go operator makes of the source"
    return ""


def _is_tracked_as(source: CustomObject[Any], annotations: Mapping[str, Any]) -> bool:
    group = source.kind.api_version.partition("/")[0]
    tracked = str(annotations.get(TRACKING, ""))
    return tracked.endswith(f":{group}/{source.kind.name}:{source.namespace}/{source.name}")


def _was_applied_as(source: CustomObject[Any], annotations: Mapping[str, Any]) -> bool:
    """What kubectl applied was the source."""
    try:
        applied = json.loads(annotations.get(metadata.LAST_APPLIED) or "{}")
        identity = applied.get("apiVersion"), applied.get("kind"), applied["metadata"]["name"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False
    return identity == (source.kind.api_version, source.kind.name, source.name)


_COPIED: tuple[Callable[[CustomObject[Any], Mapping[str, Any]], bool], ...] = (
    _is_tracked_as,
    _was_applied_as,
)
"""What the annotations of an object show it to be converted by: nobody would put these on a scrape object of their own."""


def _spec(source: CustomObject[Any]) -> Any:
    """The spec that the Go operator makes; None if there can be none."""
    raw, reading = json.loads(source.spec or b"null"), Reading()
    for path in LOST[source.kind.name]:
        raw = _without(raw, path.split("."))
    made = BY_NAME[source.kind.name].make(reading, raw, "spec")
    return None if reading.faults else made


def _without(raw: Any, path: list[str]) -> Any:
    if isinstance(raw, list):
        return [_without(item, path) for item in raw]
    if not isinstance(raw, dict) or path[0] not in raw:
        return raw
    if len(path) == 1:
        return {key: value for key, value in raw.items() if key != path[0]}
    return {**raw, path[0]: _without(raw[path[0]], path[1:])}


def _said(value: Any) -> Any:
    """What of a value is said at all: what is empty is not, nor is a rule that lacks the labels it is about.

    No number that may be left out means anything as 0. `false` does: many switches are on by default. Where files are is
    said as the Go operator says it, which takes `/etc/prometheus/secrets-of-mine` for a path below `secrets`.
    """
    if isinstance(value, str):
        return next((new + value.removeprefix(old) for old, new in MOVED if value.startswith(old)), value)
    if isinstance(value, dict):
        return {key: item for key, item in ((key, _said(item)) for key, item in value.items()) if not _is_empty(item)}
    if isinstance(value, list):
        return [_said(item) for item in value if not _is_idle(item)]
    return value


def _is_empty(value: Any) -> bool:
    return value is not False and not value


def _is_idle(item: Any) -> bool:
    return (
        isinstance(item, dict) and str(item.get("action", "")).lower() in NEED_SOURCES and not item.get("sourceLabels")
    )


def _differences(wanted: Any, found: Any, path: str) -> Iterator[str]:
    """Where two values differ."""
    if isinstance(wanted, dict) or isinstance(found, dict):
        wanted, found = ({} if value is None else value for value in (wanted, found))
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted({*wanted, *found}):
            yield from _differences(wanted.get(key), found.get(key), f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, pair in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(*pair, f"{path}[{number}]")
    elif wanted != found or type(wanted) is not type(found):
        yield path

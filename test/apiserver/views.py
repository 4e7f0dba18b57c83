"""How objects leave the server: whole, metadata only, or as a table, as the Accept header asks."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from test.apiserver import failure
from test.apiserver.kinds import Kind
from test.apiserver.printing import columns, row
from test.apiserver.store import Json, clone

META = "meta.k8s.io/v1"


def form(accept: str) -> str:
    """Table, PartialObjectMetadata, PartialObjectMetadataList or "": the first of the Accept header that can be had.

    Raises Failure 406 if there is none.
    """
    for part in accept.split(","):
        media, *parameters = (word.strip() for word in part.split(";"))
        if media not in ("application/json", "*/*", "", "application/*", "application/yaml"):
            continue
        given = dict(word.split("=", 1) for word in parameters if "=" in word)
        wanted = given.get("as", "")
        if (
            wanted in ("", "Table", "PartialObjectMetadata", "PartialObjectMetadataList")
            and given.get("v", "v1") == "v1"
        ):
            return wanted
    text = "only the following media types are accepted: application/json, application/yaml"
    raise failure.Failure(406, "NotAcceptable", text)


def typed(kind: Kind, value: Json) -> Json:
    """An object with its kind in front."""
    return {"kind": kind.name, "apiVersion": kind.api_version} | value


def partial(value: Json) -> Json:
    """What is left of an object when only its metadata is asked for."""
    return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": value["metadata"]}


def one(kind: Kind, value: Json, wanted: str, now: datetime) -> Json:
    """The answer to a request for one object."""
    if wanted == "Table":
        return table(kind, [value], {"resourceVersion": value["metadata"].get("resourceVersion", "")}, "Metadata", now)
    return partial(value) if wanted else typed(kind, value)


def listing(kind: Kind, values: Sequence[Json], meta: Json, wanted: str, include: str, now: datetime) -> Json:
    """The answer to a list; items of built-in kinds come without kind and apiVersion, as from the real server."""
    if wanted == "Table":
        return table(kind, values, meta, include, now)
    if wanted:
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": META,
            "metadata": meta,
            "items": [partial(one) for one in values],
        }
    items = [typed(kind, value) if kind.is_custom else untyped(value) for value in values]
    return {"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": meta, "items": items}


def untyped(value: Json) -> Json:
    """An object without kind and apiVersion."""
    return {key: part for key, part in value.items() if key not in ("kind", "apiVersion")}


def table(kind: Kind, values: Sequence[Json], meta: Json, include: str, now: datetime) -> Json:
    """A `Table` for kubectl get; `include` (Metadata, Object, None) says what stands beside the cells."""
    keep: dict[str, Callable[[Json], Json | None]] = {
        "Object": lambda value: typed(kind, value),
        "None": lambda value: None,
    }
    rows = [{"cells": row(kind, value, now), "object": keep.get(include, partial)(value)} for value in values]
    return {"kind": "Table", "apiVersion": META, "metadata": meta, "columnDefinitions": columns(kind), "rows": rows}


def event(kind: Kind, change: str, value: Json, wanted: str, include: str, now: datetime, is_first: bool) -> bytes:
    """One line of a watch."""
    if wanted == "Table":
        shown = table(kind, [value], {"resourceVersion": value["metadata"]["resourceVersion"]}, include, now)
        if not is_first:
            shown["columnDefinitions"] = None
    else:
        shown = partial(value) if wanted else typed(kind, value)
    return json.dumps({"type": change, "object": shown}, separators=(",", ":"), ensure_ascii=False).encode()


def json_path(value: Any, path: str) -> Any:
    """The first value at a simple JSON path such as `.status.conditions[?(@.type=="Ready")].status`; None if there is none."""
    for name, filter_key, wanted, index in re.findall(
        r"\.([\w\\./-]+)|\[\?\(@\.(\w+)\s*==\s*['\"]([^'\"]*)['\"]\)\]|\[(\d+|\*)\]", path
    ):
        if name:
            for key in re.split(r"(?<!\\)\.", name):
                value = value.get(key.replace("\\.", ".")) if isinstance(value, dict) else None
        elif filter_key:
            value = next((item for item in value or () if item.get(filter_key) == wanted), None)
        elif index:
            value = (value or [None])[0 if index == "*" else int(index)]
        if value is None:
            return None
    return clone(value)

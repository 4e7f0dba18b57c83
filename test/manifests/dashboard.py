"""The Grafana dashboard, written from the table of its panels: JSON repeats itself too much to be kept by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from test.manifests.panels import ROWS, Panel

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "targets": list(_targets(panel)),
        **KINDS[panel.kind](panel),
    }


def _targets(panel: Panel) -> Iterator[dict[str, Any]]:
    now = {} if panel.kind == "timeseries" else {"instant": True}
    shape = {"format": "table"} if panel.kind == "table" else {}
    for reference, (legend, query) in zip("ABCD", panel.queries.items(), strict=False):
        query = query.replace("@", 'job=~"$job", instance=~"$instance"').replace("[~]", "[$__rate_interval]")
        yield {"refId": reference, "expr": query, "legendFormat": legend, **now, **shape}


def _timeseries(panel: Panel) -> dict[str, Any]:
    custom = {"fillOpacity": 20, "stacking": {"mode": "normal"}} if panel.is_stacked else {}
    return {
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": custom}, "overrides": []},
        "options": {"tooltip": {"mode": "multi", "sort": "desc"}},
    }


def _stat(panel: Panel) -> dict[str, Any]:
    steps = [{"color": "green", "value": None}] + ([{"color": panel.alarming, "value": 1}] if panel.alarming else [])
    is_name = "" not in panel.queries
    none: dict[str, Any] = {"noValue": "none" if is_name else "0", "thresholds": {"mode": "absolute", "steps": steps}}
    return {
        "fieldConfig": {"defaults": {"unit": panel.unit, **none}, "overrides": []},
        "options": {"graphMode": "none", "textMode": "name" if is_name else "auto"},
    }


def _table(panel: Panel) -> dict[str, Any]:
    return {
        "fieldConfig": {"defaults": {}, "overrides": []},
        "transformations": [{"id": "organize", "options": {"excludeByName": {"Time": True, "Value": True}}}],
    }


KINDS: dict[str, Callable[[Panel], dict[str, Any]]] = {"timeseries": _timeseries, "stat": _stat, "table": _table}


def dashboard() -> str:
    """The dashboard as JSON."""
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    variables = [
        source,
        _variable("job", "Job", "label_values(vmagent_operator_kind_available, job)"),
        _variable("instance", "Replica", 'label_values(vmagent_operator_kind_available{job=~"$job"}, instance)'),
    ]
    found = {
        "title": "vmagent-operator",
        "uid": "vmagent-operator",
        "description": "What vmagent-operator does, and whether it is well.",
        "tags": ["vmagent-operator"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": variables},
        "panels": [{"id": number, **panel} for number, panel in enumerate(_placed(), 1)],
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    chosen = {"includeAll": True, "allValue": ".+", "multi": True, "current": {"text": "All", "value": "$__all"}}
    asked = {"datasource": SOURCE, "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1}
    return {"name": name, "label": label, "type": "query", **asked, **chosen}


def _placed() -> Iterator[dict[str, Any]]:
    """Every panel with its place: rows below each other, the panels of a line side by side and equally wide."""
    y = 0
    for title, lines in ROWS:
        yield {"type": "row", "title": title, "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y}, "panels": []}
        y += 1
        for line in lines:
            height, width = (4 if line[0].kind == "stat" else 7), COLUMNS // len(line)
            for index, panel in enumerate(line):
                yield {**_panel(panel), "gridPos": {"h": height, "w": width, "x": index * width, "y": y}}
            y += height

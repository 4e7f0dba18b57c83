"""What tenants have stored to stop an operator, or the vmagent that they share: one small object each, and what it is told.

`ATTACKS` are scrape objects, `AGENTS` VMAgents of the tenant's own. The large ones are in `test.scrape.hostile`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from test.controlplane.api import Json


@frozen
class Attack:
    """An object without a name.

    told: what its status says, in part; empty if it is taken for what it is. secrets: name -> data, beside it. spoils: what
    must not be in the shared configuration. is_refused: the API server does not even store it.
    """

    kind: str
    spec: Json
    told: str = ""
    secrets: Mapping[str, Mapping[str, str]] = {}
    spoils: str = ""
    is_refused: bool = False


def service(told: str = "", *, secrets: Mapping[str, Mapping[str, str]] | None = None, **endpoint: Any) -> Attack:
    """A VMServiceScrape with one endpoint."""
    spec = {"selector": {"matchLabels": {"app": "x"}}, "endpoints": [{"port": "http", **endpoint}]}
    return Attack("VMServiceScrape", spec, told, secrets or {})


def rule(told: str = "", /, **given: Any) -> Attack:
    """A VMServiceScrape with one relabeling rule."""
    return service(f"spec.endpoints[0].relabelConfigs[0]{told}" if told else "", relabelConfigs=[given])


def agent(told: str = "", /, *, is_refused: bool = False, **spec: Any) -> Attack:
    """A VMAgent that writes somewhere."""
    return Attack("VMAgent", {"remoteWrite": [{"url": "http://127.0.0.1"}], **spec}, told, is_refused=is_refused)


LONG = "limit QUANTITY_CHARACTERS"
CLAIM = {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}}
FORGED = "a\n2026-01-01T00:00:00Z\tINFO\tvmagent monitoring/main: FORGED LINE \x1b[31mred"
NAME, KEY = "n" * 120, "k" * 130

ATTACKS: Mapping[str, Attack] = {
    "a selector that reads as an operator or as a name": rule(".if: ", action="keep", **{"if": '{"' + 'or "' * 80}),
    "a duration of digits": service(LONG, interval="1" * 8000),
    "a size of digits": service(LONG, max_scrape_size="1" * 60_000),
    "placeholders without end": service("spec.endpoints[0].path: ", path="/%{" * 20_000),
    "parentheses": rule(".if: more than ", action="keep", **{"if": "(" * 300_000}),
    "a number of repeats beyond any": rule(".regex: ", action="labeldrop", regex="a{" + "9" * 5000 + "}"),
    "repeats of repeats": rule(".regex: ", action="labeldrop", regex="(a{100}){100}"),
    "a number in place of a selector": rule(".if: ", action="keep", **{"if": "nan"}),
    "a space that is none": rule(".if: ", action="keep", **{"if": '{a="b"}\u00a0'}),
    "a template without end": rule(".if: ", action="keep", **{"if": "with (a"}),
    "a metric that is named twice": rule(".if: ", action="keep", **{"if": 'up{__name__="a"}'}),
    "a divisor below zero": evolve(rule(action="hashmod", modulus=-1), is_refused=True),
    "a duration that each pod fills in": service("spec.endpoints[0].interval: ", interval="%{HOSTNAME}"),
    "an environment variable that leaves": Attack(
        "VMStaticScrape",
        {"targetEndpoints": [{"targets": ["collector:80"], "params": {"stolen": ["%{REMOTE_TOKEN}"]}}]},
        "spec.targetEndpoints[0].params.stolen",
        spoils="REMOTE_TOKEN",
    ),
    "a label that vmagent divides by": Attack(
        "VMStaticScrape",
        {"targetEndpoints": [{"targets": ["a:1"], "labels": {"__scrape_interval__": "0s"}}]},
        "spec.targetEndpoints[0].labels.__scrape_interval__",
        spoils="__scrape_interval__: 0s",
    ),
    "an interval below the least": rule("", targetLabel="__scrape_interval__", replacement="100ms"),
    "a file whose name is longer than a key": service(
        secrets={NAME: {KEY: "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"}},
        tlsConfig={"ca": {"secret": {"name": NAME, "key": KEY}}},
    ),
    "a thousand endpoints with a thousand labels": Attack(
        "VMServiceScrape",
        {"selector": {}, "endpoints": [{}] * 1000, "targetLabels": [f"l{number}" for number in range(1000)]},
        "limit OBJECT_MEMORY_BYTES",
    ),
}
"""Objects that the agent of all selects."""

AGENTS: Mapping[str, Attack] = {
    "a number of thousands of digits": agent(
        "spec.inlineScrapeConfig", inlineScrapeConfig=f"- job_name: a\n  sample_limit: {'9' * 5000}"
    ),
    "two thousand million shards": agent(is_refused=True, selectAllByDefault=True, shardCount=2**31 - 1),
    "two thousand million replicas": agent(
        is_refused=True, statefulMode=True, replicaCount=2**31 - 1, statefulStorage=CLAIM
    ),
    "a thousand replicas with claims": agent(statefulMode=True, replicaCount=1000, statefulStorage=CLAIM, paused=True),
    "a line of the log": agent(serviceScrapeSpec={"endpoints": [], FORGED: 1}),
    "aliases of aliases": agent(
        "limit YAML_", inlineScrapeConfig="- &a0 x\n" + "".join(f"- &a{n + 1} [{f'*a{n},' * 10}]\n" for n in range(9))
    ),
    "an agent that sees everything": agent(selectAllByDefault=True),
}
"""VMAgents of the tenant's own namespace."""


def encoded(texts: Mapping[str, str]) -> dict[str, str]:
    """The data of a Secret."""
    return {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}

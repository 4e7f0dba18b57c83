"""Objects below 1 MiB that were made to cost much, and what each costs: `python -m test.scrape.hostile [NAME...]`.

Each is decoded, selected and configured beside a harmless one in a process of its own, forked from one that has everything
imported, so that time and memory are those of the object.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from test.pace import slowness
from vmagent_operator.api.kinds import SCRAPE_KINDS, read
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.identity import API_VERSION
from vmagent_operator.model.decode import DecodeError, Manifest
from vmagent_operator.scrape.config import Configuration, configuration
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.scrape.selection import select
from vmagent_operator.settings import load

MIB = 1 << 20
BYTES, SECONDS = 2 * MIB * 1024, 30
"""Address space and CPU time after which a measurement ends by itself: far beyond what is asserted."""
LARGE = {Reference("Secret", "bad", "s"): {"k": "x" * 900_000, "l": "y" * 60_000}}
CA = "-----BEGIN CERTIFICATE-----\n" + "QUJD" * 120_000 + "\n-----END CERTIFICATE-----\n"
FILES = {Reference("Secret", "bad", "s"): {"k": CA, "l": CA + "\n"}}
SETTINGS = load({})
Given = Mapping[Reference, Mapping[str, str]]


def scrape(kind: str, spec: Any, name: str = "x", namespace: str = "bad") -> Manifest:
    """A manifest."""
    metadata = {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}", "generation": 1}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def service(**spec: Any) -> Manifest:
    """A VMServiceScrape."""
    return scrape("VMServiceScrape", {"selector": {}, "endpoints": [{"port": "a"}], **spec})


def static(*endpoints: Any) -> Manifest:
    """A VMStaticScrape."""
    return scrape("VMStaticScrape", {"targetEndpoints": list(endpoints)})


def _names(count: int) -> list[str]:
    return [f"l{number}" for number in range(count)]


def _tls(key: str, *, with_cert: bool = False) -> Manifest:
    source = {"secret": {"name": "s", "key": key}}
    tls = {"ca": source, **({"cert": source, "keySecret": source["secret"]} if with_cert else {})}
    return service(endpoints=[{"port": "a", "tlsConfig": tls}] * 1000)


def _bearer(count: int, key: str) -> Manifest:
    return service(endpoints=[{"port": "a", "bearerTokenSecret": {"name": "s", "key": key}}] * count)


def _rules(count: int, rule: Any) -> Manifest:
    return service(endpoints=[{"port": "a", "metricRelabelConfigs": [rule] * count}])


OBJECTS: Mapping[str, tuple[Callable[[], Manifest], Given, str]] = {
    "endpoints x targetLabels": (
        lambda: service(endpoints=[{"port": "a"}] * 1000, targetLabels=_names(1000)),
        {},
        "OBJECT_MEMORY_BYTES",
    ),
    "many endpoints x many targetLabels": (
        lambda: service(endpoints=[{"port": "a"}] * 2000, targetLabels=_names(90_000)),
        {},
        "OBJECT_MEMORY_BYTES",
    ),
    "endpoints x matchLabels": (
        lambda: service(endpoints=[{}] * 2000, selector={"matchLabels": dict.fromkeys(_names(2000), "a")}),
        {},
        "OBJECT_MEMORY_BYTES",
    ),
    "endpoints x matchNames": (
        lambda: service(endpoints=[{}] * 2000, namespaceSelector={"matchNames": _names(3000)}),
        {},
        "OBJECT_TEXT_BYTES",
    ),
    "endpoints x rules": (
        lambda: service(
            endpoints=[{"port": "a", "relabelConfigs": [{"targetLabel": "a", "replacement": "b"}] * 8}] * 2000
        ),
        {},
        "OBJECT_RULES",
    ),
    "empty endpoints": (lambda: service(endpoints=[{}] * 300_000), {}, "OBJECT_JOBS"),
    "endpoints": (lambda: service(endpoints=[{"port": "a"}] * 60_000), {}, "OBJECT_JOBS"),
    "targetLabels": (lambda: service(targetLabels=_names(90_000)), {}, "OBJECT_MEMORY_BYTES"),
    "empty rules": (lambda: _rules(300_000, {}), {}, "OBJECT_PARTS"),
    "rules": (lambda: _rules(19_000, {"action": "labeldrop", "regex": "a"}), {}, ""),
    "repetitions": (
        lambda: _rules(2000, {"action": "labeldrop", "regex": "b[a-z0-9_]{1000}"}),
        {},
        "OBJECT_MEMORY_BYTES",
    ),
    "repeated classes": (
        lambda: _rules(30, {"action": "labeldrop", "regex": r"(\pL{10}){100}"}),
        {},
        "OBJECT_MEMORY_BYTES",
    ),
    "long token": (lambda: _bearer(1000, "k"), LARGE, "CREDENTIAL_CHARACTERS"),
    "token x endpoints": (lambda: _bearer(1000, "l"), LARGE, "OBJECT_TEXT_BYTES"),
    "large file": (lambda: _tls("k"), LARGE, "ASSET_CHARACTERS"),
    "certificate x endpoints": (lambda: _tls("k"), FILES, ""),
    "certificates x endpoints": (lambda: _tls("l", with_cert=True), FILES, "holds a certificate"),
    "labels": (lambda: static({"targets": ["a"], "labels": dict.fromkeys(_names(60_000), "v")}), {}, "OBJECT_LABELS"),
    "labels, fewer": (lambda: static({"targets": ["a"], "labels": dict.fromkeys(_names(19_000), "v")}), {}, ""),
    "targets": (lambda: static({"targets": [f"host-{number}:1" for number in range(60_000)]}), {}, ""),
    "static endpoints": (lambda: static(*[{"targets": ["a"]}] * 40_000), {}, "OBJECT_JOBS"),
    "params": (
        lambda: static({"targets": ["a"], "params": {name: ["v"] for name in _names(50_000)}}),
        {},
        "OBJECT_LABELS",
    ),
    "headers": (
        lambda: static({"targets": ["a"], "vm_scrape_params": {"headers": [f"h{n}: v" for n in range(60_000)]}}),
        {},
        "",
    ),
    "probe targets": (
        lambda: scrape(
            "VMProbe",
            {
                "vmProberSpec": {"url": "p"},
                "metricRelabelConfigs": [{"action": "labeldrop", "regex": "a"}] * 4000,
                "targets": {
                    "static": {"targets": ["a"]},
                    "kubernetes": [{"role": "pod", "selector": {"matchLabels": {"a": "b"}}}] * 2000,
                },
            },
        ),
        {},
        "OBJECT_MEMORY_BYTES",
    ),
    "discoveries": (
        lambda: scrape("VMScrapeConfig", {"consulSDConfigs": [{"server": "a"}] * 40_000}),
        {},
        "OBJECT_PARTS",
    ),
    "unknown keys": (lambda: service(**{f"k{number}": 1 for number in range(60_000)}), {}, ""),
    "a label that escapes grow": (lambda: static({"targets": ["a"], "labels": {"l": "\U0001f600" * 80_000}}), {}, ""),
    "further jobs by aliases": (
        lambda: agent(inlineScrapeConfig=_aliases(9, "x")),
        {},
        "YAML_VALUES",
    ),
    "further jobs by aliases of long texts": (
        lambda: agent(inlineScrapeConfig=_aliases(4, "x" * 80_000)),
        {},
        "YAML_CHARACTERS",
    ),
    "further values": (
        lambda: agent(inlineScrapeConfig="- job_name: a\n  x: [" + "1," * 400_000 + "1]"),
        {},
        "YAML_VALUES",
    ),
    "further nesting": (lambda: agent(inlineScrapeConfig="- a: " + "[" * 400_000), {}, "YAML_NESTING"),
    "further aliases": (
        lambda: agent(inlineScrapeConfig="- &a {x: y}\n- z: [" + "*a," * 200_000 + "]"),
        {},
        "YAML_ALIASES",
    ),
    "scrape classes": (
        lambda: agent(scrapeClasses=[{"name": name} for name in _names(20_000)]),
        {},
        "SCRAPE_CLASSES",
    ),
}
"""What is made, what Secrets hold, and what the status of its maker must name ("": it is taken as it is)."""


def agent(**spec: Any) -> Manifest:
    """A VMAgent that picks everything."""
    own = {"remoteWrite": [{"url": "http://a"}], "selectAllByDefault": True, **spec}
    return scrape("VMAgent", own, "main", "agents")


def _aliases(depth: int, leaf: str) -> str:
    """Ten times as much with each level."""
    lines = [f"- &a0 {leaf}", *(f"- &a{level + 1} [{', '.join([f'*a{level}'] * 10)}]" for level in range(depth))]
    return "\n".join(lines)


def configured(*objects: Manifest, given: Given | None = None) -> Configuration:
    """The configuration of an agent (the last VMAgent among the objects, or a plain one) that picks all of them."""
    made = [read(raw) for raw in objects]
    owner = next((obj for obj in reversed(made) if obj.kind.name == "VMAgent"), None) or read(agent())
    by_kind = {kind: [obj for obj in made if obj.kind is kind] for kind in SCRAPE_KINDS}
    namespaces = {obj.namespace: {"some": "label"} for obj in made}
    by = scrape_owner(owner, SETTINGS)
    return configuration(by, select(by, by_kind, namespaces), SecretSnapshot(given or {}))


def outcome(raw: Manifest, given: Given) -> str:
    """What the status of the object, or of the agent, says; empty if all is well."""
    good = scrape("VMStaticScrape", {"targetEndpoints": [{"targets": ["fine:1"]}]}, "fine", "good")
    try:
        found = configured(good, raw, given=given)
    except (OwnerError, DecodeError) as error:
        return str(error)
    assert b"fine:1" in found.main.text
    return "; ".join(f"{finding.message}{finding.bug}" for finding in found.findings)


def measured(name: str) -> dict[str, Any]:
    """What one object came to: its `message`, `seconds` of an idle core, and `bytes` of memory above what there was before."""
    reading, writing = os.pipe()
    build, given, _ = OBJECTS[name]
    raw = json.dumps(build(), separators=(",", ":")).encode()
    assert len(raw) < MIB
    if not (child := os.fork()):
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        before, started = _peak_bytes(), time.process_time()
        message = outcome(json.loads(raw), given)
        seconds, grown = time.process_time() - started, _peak_bytes() - before
        found = {"message": message[:500], "seconds": seconds / slowness(), "bytes": grown}
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    return {"name": name, **(json.loads(text) if text else {"message": "no end", "seconds": SECONDS, "bytes": BYTES})}


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _main(names: list[str]) -> Iterator[str]:
    outcome(agent(), {})  # whatever is made once
    return (json.dumps(measured(name)) for name in names or OBJECTS)


if __name__ == "__main__":
    for line in _main(sys.argv[1:]):
        print(line, flush=True)

"""The targets and labels that come of Prometheus objects: by us and vmagent, and by prometheus-operator and Prometheus.

Both operators make their configuration of the same objects, both agents apply their rules to the same discovered things
(`program.py`), and what is scraped, with which labels, has to be the same, but for what `DIFFERENCES` lists.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import frozen

from test.convert.test_charts import CHARTS
from test.relabeling import program
from test.relabeling.discovered import Labels, Thing, things
from vmagent_operator.cli import manifests
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.commands.render import decoded, rendering
from vmagent_operator.cli.decisions import decisions
from vmagent_operator.settings import Server, load

pytestmark = pytest.mark.slow

FILES = [str(CHARTS / "given.yaml"), str(Path(__file__).with_name("objects.yaml"))]
PREFIXES = {
    "ServiceMonitor": ("serviceMonitor", "serviceScrape"),
    "PodMonitor": ("podMonitor", "podScrape"),
    "Probe": ("probe", "probe"),
    "ScrapeConfig": ("scrapeConfig", "scrapeConfig"),
}
"""How the names of jobs begin: prometheus-operator's, and ours."""
LISTS = {"ServiceMonitor": "endpoints", "PodMonitor": "podMetricsEndpoints"}
DEFAULTS = {"honor_labels": False, "honor_timestamps": True}
SAME = ("params", "sample_limit", "scrape_interval", "scrape_timeout", *DEFAULTS)
"""Parameters of a job that both agents call the same."""
URL = re.compile("__address__|__scheme__|__metrics_path__|__param_.*")
"""Labels that begin with an underscore and make the address that is asked."""
NAMES = """
    up http_requests_total kube_endpoint_address_x kube_pod_created probe_duration_seconds csi_operations_seconds_bucket
    storage_operation_duration_seconds_bucket container_cpu_load_average_10s container_cpu_usage_seconds_total
    apiserver_request_slo_duration_seconds_bucket etcd_request_duration_seconds_bucket
"""
MORE: list[Labels] = [
    *({"le": bound} for bound in ("2.5", "0.2", "0.3", "600.0")),
    *({}, {"container": "a", "pod": "b"}, {"container": "a"}, {"code": "200", "job": "x", "endpoint": "y"}),
]
SERIES: list[Labels] = [{"__name__": name, **more} for name in NAMES.split() for more in MORE]
"""What a target says, before the rules for metrics."""

DIFFERENCES: Mapping[str, str] = {
    r"serviceMonitor/.*: phase (Succeeded|Failed)": (
        "Prometheus drops pods that have ended, unless `filterRunning: false`. Kubernetes takes them out of the endpoints of a "
        "Service, so that there is nothing to drop, and the Go operator has no such rule; for `filterRunning: true` we do."
    ),
    r"serviceMonitor/shop/expressions/2: address .*": "vmagent hashes otherwise: a shard has other targets, and as many.",
    r"probe/shop/(static|bare): .*": (
        "Prometheus gives listed targets the namespace of the Probe, and applies their rules after it has set `instance`. The Go "
        "operator does neither, and series have to keep their labels when it goes. An event names rules about such labels."
    ),
}
"""Where a job and a thing may differ, and why. What differs elsewhere is a defect."""

Job = Mapping[str, Any]


@frozen(kw_only=True)
class Case:
    """A job of prometheus-operator's and ours of the same endpoint, and things that discovery may find for it."""

    theirs: Job
    ours: Job
    things: list[Thing]

    @property
    def name(self) -> str:
        """What it is called in a Prometheus."""
        return str(self.theirs["job_name"])


def jobs(configuration: str) -> dict[str, Job]:
    """The jobs of a configuration by name."""
    return {each["job_name"]: each for each in yaml.safe_load(configuration)["scrape_configs"]}


def our_configuration(objects: list[dict[str, Any]]) -> str:
    """What the agent among `objects` gets."""
    cluster = Cluster.of(objects)
    made = rendering(cluster, decisions(cluster, load({}), Server()), datetime(2026, 1, 1, tzinfo=UTC))
    (secret,) = (
        each for each in made.objects if (each["kind"], each["metadata"]["name"]) == ("Secret", "vmagent-main")
    )
    return str(decoded(secret)["decoded"]["vmagent.yaml.gz"])


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """All jobs of `FILES`."""
    objects = list(manifests.read(FILES))
    theirs = jobs(program.generated(objects).replace("$(SHARD)", "0"))
    ours = jobs(our_configuration(objects))
    found = [Case(theirs=theirs[first], ours=ours[second], things=each) for first, second, each in paired(objects)]
    assert {case.name for case in found} == theirs.keys()
    return found


def paired(objects: list[dict[str, Any]]) -> Iterator[tuple[str, str, list[Thing]]]:
    """The two names of each job, and things for it."""
    for each in objects:
        if each["kind"] not in PREFIXES:
            continue
        spec, name = each["spec"], f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        selector = spec.get("selector") or (spec.get("targets", {}).get("ingress") or {}).get("selector") or {}
        for number, endpoint in enumerate(spec.get(LISTS.get(each["kind"], ""), [{}])):
            at = f"{name}/{number}" if each["kind"] in LISTS else name
            first, second = PREFIXES[each["kind"]]
            yield f"{first}/{at}", f"{second}/{at}", list(things(spec, selector, endpoint))


def roles(job: Job) -> list[str]:
    """The roles in which its discoveries look around; none for targets that are listed."""
    return [each["role"] for each in job.get("kubernetes_sd_configs", ())]


def found(job: Job, things: list[Thing]) -> Iterator[tuple[str, Labels]]:
    """What discovery finds for a job, with what the agent adds before rules are applied."""
    added = {
        "job": job["job_name"],
        "__scheme__": job.get("scheme") or "http",
        "__metrics_path__": job.get("metrics_path") or "/metrics",
        **{f"__param_{key}": values[0] for key, values in (job.get("params") or {}).items()},
    }
    for role in roles(job):
        for thing in things:
            yield thing.name, {**added, **thing.found(role)}
    for listed in job.get("static_configs", ()):
        for target in listed["targets"]:
            yield target, {**added, **listed.get("labels", {}), "__address__": target}


def scraped(labels: Labels | None, job: Job) -> Labels | None:
    """What becomes of a target: what it is asked by, and the labels of its series; the default name of a job is as good as another."""
    if labels is None or not labels.get("__address__"):
        return None
    kept = {key: text for key, text in labels.items() if not key.startswith("__") or URL.fullmatch(key)}
    default = {"job": "its name"} if kept.get("job") == job["job_name"] else {}
    return {"instance": labels["__address__"], **kept, **default}


def applied(cases: list[Case], rules: str, given: list[tuple[list[Labels], list[Labels]]]) -> program.Applied:
    """What becomes of label sets by the rules of each job."""
    return program.applied(
        {
            "prometheus": [
                {"rules": case.theirs.get(rules, []), "labels": labels}
                for case, (labels, _) in zip(cases, given, strict=True)
            ],
            "vmagent": [
                {"rules": case.ours.get(rules, []), "labels": labels}
                for case, (_, labels) in zip(cases, given, strict=True)
            ],
        }
    )


def test_the_same_targets_are_scraped_under_the_same_labels(cases: list[Case]) -> None:
    named = [(list(found(case.theirs, case.things)), list(found(case.ours, case.things))) for case in cases]
    made = applied(cases, "relabel_configs", [([each for _, each in a], [each for _, each in b]) for a, b in named])
    different, count = dict[str, tuple[Labels | None, Labels | None]](), 0
    for case, (names, _), left, right in zip(cases, named, made["prometheus"], made["vmagent"], strict=True):
        assert any(left), f"{case.name}: nothing is scraped, so that nothing is compared"
        for (name, _), one, other in zip(names, left, right, strict=True):
            count += 1
            sides = scraped(one, case.theirs), scraped(other, case.ours)
            if sides[0] != sides[1]:
                different[f"{case.name}: {name}"] = sides
    assert count > 500
    patterns = {name: [each for each in DIFFERENCES if re.fullmatch(each, name)] for name in different}
    assert {name: different[name] for name, matching in patterns.items() if not matching} == {}
    assert {each for matching in patterns.values() for each in matching} == DIFFERENCES.keys()


def test_the_same_series_are_kept(cases: list[Case]) -> None:
    with_rules = [case for case in cases if "metric_relabel_configs" in case.theirs]
    made = applied(with_rules, "metric_relabel_configs", [(SERIES, SERIES)] * len(with_rules))
    for case, left, right in zip(with_rules, made["prometheus"], made["vmagent"], strict=True):
        assert left == right, case.name
        assert left != SERIES, f"{case.name}: no rule has done anything"


def test_they_look_in_the_same_places_and_ask_in_the_same_way(cases: list[Case]) -> None:
    for case in cases:
        assert [role.replace("slices", "slice") for role in roles(case.ours)] == roles(case.theirs), case.name
        places = [
            [(each.get("namespaces") or {}).get("names") for each in job.get("kubernetes_sd_configs", ())]
            for job in (case.theirs, case.ours)
        ]
        assert places[0] == places[1], case.name
        for key in SAME:
            default = DEFAULTS.get(key)
            assert case.theirs.get(key, default) == case.ours.get(key, default), f"{case.name}: {key}"

"""ServiceMonitors of the shapes that well-known charts have, and the jobs that come of them (`charts/jobs.yaml`)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from test.simulate import simulate
from vmagent_operator.cli import manifests
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.commands.render import decoded, rendering
from vmagent_operator.cli.decisions import decisions
from vmagent_operator.settings import Server, load

CHARTS = Path(__file__).parent / "charts"


def rendered() -> dict[tuple[str, str], dict[str, Any]]:
    """What comes of all of them, by kind and name."""
    cluster = Cluster.of(manifests.read([str(CHARTS / "given.yaml")]))
    decided = decisions(cluster, load({}), Server())
    made = rendering(cluster, decided, datetime(2026, 1, 1, tzinfo=UTC))
    assert made.errors == ()
    lost = [each.source.key for each in decided.converted.made.values() if each.note]
    assert lost == ["monitoring/kubelet"]
    return {(each["kind"], each["metadata"]["name"]): decoded(each) for each in made.objects}


def test_the_jobs_are_those_that_the_charts_mean() -> None:
    configuration = yaml.safe_load(rendered()["Secret", "vmagent-main"]["decoded"]["vmagent.yaml.gz"])
    jobs = [each for each in configuration["scrape_configs"] if "vmagent-main" not in each["job_name"]]
    assert jobs == yaml.safe_load((CHARTS / "jobs.yaml").read_text("utf-8"))


def test_a_cluster_comes_to_what_is_rendered() -> None:
    given = list(manifests.read([str(CHARTS / "given.yaml")]))
    settled = {(each["kind"], each["metadata"]["name"]): each for each in simulate(given, {}, Server()).objects()}
    for (kind, name), manifest in rendered().items():
        if kind in ("VMServiceScrape", "VMPodScrape"):
            live = settled[kind, name]
            assert (live["spec"], live["status"]["updateStatus"]) == (manifest["spec"], "operational")

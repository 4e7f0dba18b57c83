"""The recipe of docs/high-availability.md, with real vmagents and a real storage: nothing is lost, nothing is doubled.

Manifests and the storage's arguments are those of the page, only faster: seconds for half minutes.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.controlplane.cluster import eventually
from test.vmagent import pod
from test.vmagent.cases import ENVIRON
from test.vmagent.local import Agent, Server, Target, stopped, targets

pytestmark = pytest.mark.vmagent
PAGE = Path(__file__).parents[2] / "docs" / "high-availability.md"
STORAGE = "storage.monitoring.svc:8428"
INTERVAL_MS = 1000


def _page(name: str, kind: str = "") -> pod.Manifest:
    """The first object of this name (and kind) on the page, with an interval of a second wherever 30 s are written."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    documents = [yaml.safe_load(block.replace("30s", f"{INTERVAL_MS}ms")) for block in blocks]
    return next(obj for obj in documents if obj["metadata"]["name"] == name and kind in ("", obj["kind"]))


def _storage(binary: Path, folder: Path) -> Server:
    """VictoriaMetrics with the arguments of the page."""
    (container,) = _page("storage")["spec"]["template"]["spec"]["containers"]
    arguments = [argument.replace("=/storage", f"={folder / 'storage'}") for argument in container["args"]]
    return Server(binary, tuple(arguments), {}, folder / "storage.log")


def _database(binary: Path, folder: Path, *scrapes: pod.Manifest, **spec: object) -> Server:
    """The same with those that the operator gives to the VMSingle of the page, changed by `spec`, beside `scrapes`."""
    single = _page("storage", "VMSingle")
    single["spec"] |= spec
    (workload,), objects = pod.rendered([single, *scrapes], {})
    command = pod.command(workload, objects, folder / "database")
    arguments = [argument for argument in command.arguments if not argument.startswith("-httpListenAddr=")]
    return Server(binary, tuple(arguments), command.environ, folder / "storage.log")


def _scraping(binary: Path, folder: Path, scraped: Sequence[Target]) -> Server:
    """The same, when it scrapes `scraped` by itself as well."""
    endpoints = [{"targets": [target.address for target in scraped]}]
    metadata = {"name": "own", "namespace": "monitoring"}
    head = {"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": "VMStaticScrape"}
    scrape = {**head, "metadata": metadata, "spec": {"targetEndpoints": endpoints}}
    own = {"ingestOnlyMode": False, "selectAllByDefault": True, "scrapeInterval": f"{INTERVAL_MS}ms"}
    return _database(binary, folder, scrape, disableSelfServiceScrape=True, **own)


def _shards(name: str, scraped: Sequence[Target]) -> tuple[list[pod.Manifest], pod.Objects]:
    """The workloads of an agent of the page that scrapes `scraped`, and what their pods take files from."""
    endpoints = [{"targets": [target.address for target in scraped]}]
    metadata = {"name": "scraped", "namespace": "shop"}
    scrape = {"kind": "VMStaticScrape", "metadata": metadata, "spec": {"jobName": "shop", "targetEndpoints": endpoints}}
    agent = _page(name)
    return pod.rendered([agent, {"apiVersion": agent["apiVersion"], **scrape}], ENVIRON)


def _replicas(name: str, scraped: Sequence[Target], storage: Server, binary: Path, folder: Path) -> list[list[Agent]]:
    """vmagent of every pod, shard by shard."""
    workloads, objects = _shards(name, scraped)
    return [
        [
            _agent(
                pod.command(workload, objects, folder / f"{workload['metadata']['name']}-{ordinal}"), storage, binary
            )
            for ordinal in range(workload["spec"]["replicas"])
        ]
        for workload in workloads
    ]


def _agent(command: pod.Command, storage: Server, binary: Path) -> Agent:
    arguments = tuple(argument.replace(STORAGE, storage.address) for argument in command.arguments)
    name = command.environ["POD_NAME"]
    (queue,) = (flag.partition("=")[2] for flag in arguments if flag.startswith("-remoteWrite.tmpDataPath="))
    return Agent(binary, pod.Command(arguments, command.environ), Path(queue).parents[1] / f"{name}.log")


@pytest.mark.parametrize(
    ("name", "shards", "make"), [("pair", 1, _storage), ("sharded", 2, _storage), ("pair", 1, _database)]
)
def test_neither_a_gap_nor_a_duplicate(
    name: str, shards: int, make: Callable[[Path, Path], Server], vmagent: Path, victoria_metrics: Path, tmp_path: Path
) -> None:
    storage = make(victoria_metrics, tmp_path)
    with targets(4 * shards) as scraped, stopped(storage):
        pairs = _replicas(name, scraped, storage, vmagent, tmp_path)
        assert [len(pair) for pair in pairs] == [2] * shards
        agents = [agent for pair in pairs for agent in pair]
        storage.start()
        with stopped(*agents):
            for agent in agents:
                agent.start()
            eventually(lambda: _are_each_scraped_by_one_pair(pairs, scraped))
            _lose_each_replica_in_turn(pairs, scraped)
        storage.get("/internal/force_flush")
        _check(storage, scraped)


def test_neither_a_gap_nor_a_duplicate_in_a_database_that_scrapes_besides(
    vmagent: Path, victoria_metrics: Path, tmp_path: Path
) -> None:
    with targets(4) as scraped, targets(2) as own:
        storage = _scraping(victoria_metrics, tmp_path, own)
        (agents,) = _replicas("pair", scraped, storage, vmagent, tmp_path)
        with stopped(storage, *agents):
            for each in (storage, *agents):
                each.start()
            _lose_each_replica_in_turn([agents], scraped)
            storage.get("/internal/force_flush")
            _check(storage, scraped, own)


def test_an_outage_of_the_database_leaves_no_gap(vmagent: Path, victoria_metrics: Path, tmp_path: Path) -> None:
    storage = _database(victoria_metrics, tmp_path)
    with targets(2) as scraped, stopped(storage):
        (agents,) = _replicas("pair", scraped, storage, vmagent, tmp_path)
        storage.start()
        with stopped(*agents):
            for agent in agents:
                agent.start()
            _wait_for(scraped, 6)
            assert storage.process is not None
            assert storage.process.stop() == 0  # as each change of the pod does
            _wait_for(scraped, 8)
            storage.start()
            _wait_for(scraped, 8)
        storage.get("/internal/force_flush")
        _check(storage, scraped)


def test_a_database_that_scrapes_by_itself_has_no_duplicate(victoria_metrics: Path, tmp_path: Path) -> None:
    with targets(2) as scraped:
        storage = _scraping(victoria_metrics, tmp_path, scraped)
        with stopped(storage):
            storage.start()
            _wait_for(scraped, 4)
            storage.get("/internal/force_flush")
            stored = dict(_series(storage))
    assert stored.keys() == {(name, target.address) for target in scraped for name in ("work_total", "up")}
    for samples in stored.values():
        assert len({math.ceil(time / INTERVAL_MS) for time, _ in samples}) == len(samples) >= 3


def _are_each_scraped_by_one_pair(pairs: Sequence[Sequence[Agent]], scraped: Sequence[Target]) -> bool:
    """Whether the two of a pair scrape the same, and every target is scraped by one pair only."""
    seen = [[sorted(one["labels"]["instance"] for one in agent.targets()) for agent in pair] for pair in pairs]
    by_pair = [first for first, second in seen if first == second]
    return len(by_pair) == len(pairs) and sorted(chain.from_iterable(by_pair)) == sorted(
        target.address for target in scraped
    )


def _lose_each_replica_in_turn(pairs: Sequence[Sequence[Agent]], scraped: Sequence[Target]) -> None:
    """One of each pair crashes and comes back; then the other one ends, in the way of a roll-out."""
    _wait_for(scraped, 6)
    for crashing, _ in pairs:
        assert crashing.process is not None
        crashing.process.kill()
    _wait_for(scraped, 3)
    for crashing, _ in pairs:
        crashing.start()
    _wait_for(scraped, 6)
    for _, ending in pairs:
        assert ending.process is not None
        assert ending.process.stop() == 0
    _wait_for(scraped, 3)


def _wait_for(scraped: Sequence[Target], scrapes: int) -> None:
    """Until each target was scraped that often."""
    goals = [(target, len(target.requests) + scrapes) for target in scraped]
    for target, goal in goals:
        target.wait_for(goal - len(target.requests))


def _check(storage: Server, scraped: Sequence[Target], own: Sequence[Target] = ()) -> None:
    """Every series, from its first to its last sample; `own` are scraped by the storage alone."""
    expected = {(name, target.address) for target in scraped for name in ("work_total", "up")}
    stored = dict(_series(storage))
    assert stored.keys() == expected | {(name, target.address) for target in own for name in ("work_total", "up")}
    for (name, _), samples in stored.items():
        times = [time for time, _ in samples]
        intervals = [math.ceil(time / INTERVAL_MS) for time in times]
        assert len(set(intervals)) == len(intervals)
        assert max(after - before for before, after in pairwise(times)) <= 2 * INTERVAL_MS
        assert times[-1] - times[0] > 8 * INTERVAL_MS
        wrong = [value for _, value in samples if not (value == 1 if name == "up" else value and value > 0)]
        # A vmagent that ends breaks off a scrape that is under way, which is told as any that fails.
        assert wrong in ([], [0 if name == "up" else None])
    dropped = re.findall(r"^vm_deduplicated_samples_total\{.*\} (\d+)$", storage.get("/metrics"), re.MULTILINE)
    assert sum(map(int, dropped)) >= 3 * len(expected)  # both replicas have delivered


def _series(storage: Server) -> Iterator[tuple[tuple[str, str], list[tuple[int, Any]]]]:
    """Metric name and instance, and the samples: time in milliseconds and value."""
    selector = "%7B__name__=~%22work_total%7Cup%22%7D"
    for line in storage.get(f"/api/v1/export?match[]={selector}").splitlines():
        series = json.loads(line)
        assert series["metric"].keys() == {"__name__", "instance", "job", "prometheus"}
        key = (series["metric"]["__name__"], series["metric"]["instance"])
        yield key, list(zip(series["timestamps"], series["values"], strict=True))


def test_what_the_operator_adds_to_shards() -> None:
    workloads, _ = _shards("sharded", [])
    for number, workload in enumerate(workloads):
        template = workload["spec"]["template"]
        (constraint,) = template["spec"]["topologySpreadConstraints"]
        assert workload["metadata"]["name"] == f"vmagent-sharded-{number}"
        assert constraint["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        assert constraint["labelSelector"]["matchLabels"]["shard-num"] == str(number)


@pytest.mark.parametrize("component", ["vmselect", "vmstorage"])
def test_a_cluster_deduplicates_by_the_same_interval(component: str) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (cluster,) = (obj for obj in map(yaml.safe_load, blocks) if obj["kind"] == "VMCluster")
    intervals = [obj["spec"]["scrapeInterval"] for obj in map(yaml.safe_load, blocks) if obj["kind"] == "VMAgent"]
    assert {cluster["spec"][component]["extraArgs"]["dedup.minScrapeInterval"]} == set(intervals)

"""A real vmagent with our configuration and the rights that we give it finds exactly what the scrape objects describe."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from attrs import define

from test.controlplane.api import Api, Json, Refused
from test.controlplane.binaries import victoria
from test.controlplane.cluster import Cluster, eventually
from test.controlplane.process import Process
from test.controlplane.servers import programs, running
from test.e2e.conftest import NAMESPACE, install, shipped
from test.e2e.isolated import isolated
from test.e2e.replicas import Replicas
from test.e2e.world import OWN, World
from test.vmagent import pod

pytestmark = [pytest.mark.cluster, pytest.mark.vmagent]

AGENTS, SHOP = "agents", "shop"
VMAGENT = "http://127.0.0.1:8429"
STORAGE, RELOADER, HTTP, ADMIN, JOBS, NODE, PROBER = PORTS = (8428, 8435, 8080, 8081, 9090, 9100, 9115)
IN_A_POD = """
mount -t tmpfs none /var/run && mkdir -p /var/run/secrets/kubernetes.io
ln -s "$1" /var/run/secrets/kubernetes.io/serviceaccount && shift && exec "$@"
"""
"""Runs a command where the files of its service account are at their place, which nobody else sees."""
SELECTED = yaml.safe_load((Path(__file__).parent / "discovery.yaml").read_text())
"""What is in the cluster, by collection."""
Targets = dict[str, Json]
"""Labels by URL."""
Effect = Callable[[Targets], Targets]


class Answer(BaseHTTPRequestHandler):
    """Metrics for whoever asks, at any address."""

    def do_GET(self) -> None:
        self._answer(b"up_to_now 1\n")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@define
class Place:
    """The cluster with its operator, and vmagent in it."""

    world: World
    folder: Path
    vmagent: Process

    def targets(self) -> Targets:
        """What vmagent scrapes successfully: labels by URL."""
        with urllib.request.urlopen(f"{VMAGENT}/api/v1/targets", timeout=5) as answer:
            active = json.loads(answer.read())["data"]["activeTargets"]
        return {target["scrapeUrl"]: target["labels"] for target in active if target["health"] == "up"}

    def finds(self, wanted: Targets) -> bool:
        """Whether it scrapes exactly these, after what the config-reloader does."""
        text = self.world.text(AGENTS, "vmagent-main")
        path = self.folder / "config-out" / "vmagent.yaml"
        if path.read_text() != text:
            path.write_text(text)
            urllib.request.urlopen(f"{VMAGENT}/-/reload", data=b"", timeout=5).close()
        return self.targets() == wanted

    def expect(self, wanted: Callable[[], Targets]) -> None:
        """Wait until it scrapes exactly what is `wanted`. AssertionError says what is too much and what is missing."""
        with suppress(AssertionError):
            eventually(lambda: self.finds(wanted()))
            return
        assert self.targets() == wanted()

    def pods(self, namespace: str, selector: str) -> dict[str, str]:
        """Address of each pod that stays, by name."""
        found = self.world.api.items(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)
        staying = (each for each in found if "deletionTimestamp" not in each["metadata"])
        return {each["metadata"]["name"]: each["status"].get("podIP", "") for each in staying}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """All of it in a network of its own."""
    folder = tmp_path_factory.mktemp("discovery")
    servers, vmagent = programs(), victoria("vmagent")
    if not servers.manager:
        pytest.skip("the servers of KUBEBUILDER_ASSETS have no controllers")
    with ExitStack() as stack:
        try:
            stack.enter_context(isolated())
        except PermissionError:
            pytest.skip("only root may have a network namespace")
        for port in PORTS:
            _serve(stack, port)
        cluster = Cluster(stack.enter_context(running(servers)), folder, has_controllers=True)
        world = _installed(stack, cluster)
        _populate(cluster.api)
        eventually(lambda: world.is_operational(AGENTS, "main"))
        yield Place(world, folder / "pod", _started(stack, cluster, vmagent))


def _serve(stack: ExitStack, port: int) -> None:
    server = ThreadingHTTPServer(("", port), Answer)
    server.daemon_threads = True
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


def _installed(stack: ExitStack, cluster: Cluster) -> World:
    """The operator as shipped, at work."""
    replicas = Replicas(install(cluster, shipped()), NAMESPACE, cluster.folder)
    stack.callback(lambda: [replicas.stop(replica) for replica in [*replicas.running]])
    replicas.start()
    return World(cluster.api, replicas)


def _populate(api: Api) -> None:
    for collection, manifests in SELECTED.items():
        for manifest in manifests:
            api.create(collection, manifest)


def _started(stack: ExitStack, cluster: Cluster, binary: Path) -> Process:
    """vmagent as its pod would run it, with the token of its service account."""
    api, account = cluster.api, cluster.folder / "account"
    account.mkdir()
    user = yaml.safe_load(cluster.service_account(AGENTS, "vmagent-main").read_text())["users"][0]["user"]
    root = f"/api/v1/namespaces/{AGENTS}/configmaps/kube-root-ca.crt"
    eventually(lambda: api.find(root) is not None)  # a controller puts it into every namespace
    authority = api.get(root)["data"]["ca.crt"]
    for name, content in {"token": user["token"], "ca.crt": authority, "namespace": AGENTS}.items():
        (account / name).write_text(content)
    workload = api.get(f"/apis/apps/v1/namespaces/{AGENTS}/deployments/vmagent-main")
    secrets = api.items(f"/api/v1/namespaces/{AGENTS}/secrets")
    objects = pod.Objects({"kind": "Secret", **secret} for secret in secrets)
    command = pod.command({"kind": "Deployment", **workload}, objects, cluster.folder / "pod")
    server = urlsplit(yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"])
    env = {"KUBERNETES_SERVICE_HOST": str(server.hostname), "KUBERNETES_SERVICE_PORT": str(server.port)}
    words: list[str | Path] = ["unshare", "--mount", "sh", "-ec", IN_A_POD, "sh", account, binary, *command.arguments]
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    process = Process(words, cluster.folder / "vmagent.log", env={**path, **command.environ, **env})
    stack.callback(process.kill)
    eventually(lambda: _is_up(process))
    return process


def _is_up(process: Process) -> bool:
    process.check()
    try:
        urllib.request.urlopen(f"{VMAGENT}/health", timeout=5).close()
    except OSError:
        return False
    return True


def wanted(place: Place) -> Targets:
    """What the objects of the cluster describe."""
    site = "127.0.0.1:9115/probe?module=http_2xx&target="
    found: Targets = {
        "http://127.0.0.1:9100/metrics": {"job": "shop/nodes", "instance": "node-1", "node": "node-1"},
        f"http://{site}https%3A%2F%2Fwww.example.com": {
            "job": "probe/shop/site",
            "instance": "https://www.example.com",
            "site": "main",
        },
        f"http://{site}http%3A%2F%2Fshop.example.com%2Fcart": {
            "job": "probe/shop/front",
            "instance": "http://shop.example.com/cart",
            "namespace": SHOP,
            "ingress": "front",
        },
    }
    for name, address in place.pods(SHOP, "app=cart").items():
        of = {"job": "cart", "namespace": SHOP, "service": "cart", "pod": name, "container": "web"}
        http, admin = f"{address}:{HTTP}", f"{address}:{ADMIN}"
        found[f"http://{http}/metrics"] = {**of, "endpoint": "http", "instance": http, "team": "web", "tier": "web"}
        found[f"http://{admin}/admin/metrics"] = {**of, "endpoint": "8081", "instance": admin}
    for name, address in place.pods(SHOP, "app=billing").items():
        of = {"job": "shop/billing", "namespace": SHOP, "pod": name, "container": "worker"}
        jobs = f"{address}:{JOBS}"
        found[f"http://{jobs}/metrics"] = {**of, "endpoint": "metrics", "instance": jobs}
    for name, address in place.pods(AGENTS, "app.kubernetes.io/name=vmagent").items():
        of = {"namespace": AGENTS, "service": "vmagent-main", "pod": name}
        own = {"job": "vmagent-main", "container": "vmagent", "endpoint": "http", "victoriametrics_app": "true"}
        reloader = {"job": "vmagent-main-reloader-http", "container": "config-reloader", "endpoint": "8435"}
        found[f"http://{address}:8429/metrics"] = {**of, **own, "instance": f"{address}:8429"}
        found[f"http://{address}:{RELOADER}/metrics"] = {**of, **reloader, "instance": f"{address}:{RELOADER}"}
    return found


def without(*ports: int) -> Effect:
    """Targets at these ports are gone."""
    gone = tuple(f":{port}/" for port in ports)
    return lambda targets: {url: labels for url, labels in targets.items() if not any(port in url for port in gone)}


def replaced(old: str, new: str) -> Effect:
    """Another text in URLs and labels."""
    return lambda targets: json.loads(json.dumps(targets).replace(old, new))


CHANGES: dict[str, tuple[str, Json, Json, Effect]] = {
    "a Service loses the label": (
        f"/api/v1/namespaces/{SHOP}/services/cart",
        {"metadata": {"labels": {"app": "another"}}},
        {"metadata": {"labels": {"app": "cart"}}},
        without(HTTP, ADMIN),
    ),
    "a VMServiceScrape asks for another path": (
        f"{OWN}/namespaces/{SHOP}/vmservicescrapes/cart",
        {"spec": {"endpoints": [{"port": "http", "path": "/internal"}]}},
        {"spec": {"endpoints": [{"port": "http"}]}},
        replaced(f":{HTTP}/metrics", f":{HTTP}/internal"),
    ),
    "a VMPodScrape selects other pods": (
        f"{OWN}/namespaces/{SHOP}/vmpodscrapes/billing",
        {"spec": {"selector": {"matchLabels": {"app": "nothing"}}}},
        {"spec": {"selector": {"matchLabels": {"app": "billing"}}}},
        without(JOBS),
    ),
    "a VMNodeScrape has another port": (
        f"{OWN}/namespaces/{SHOP}/vmnodescrapes/nodes",
        {"spec": {"port": str(ADMIN)}},
        {"spec": {"port": str(NODE)}},
        replaced(f"127.0.0.1:{NODE}/", f"127.0.0.1:{ADMIN}/"),
    ),
    "a VMProbe has another target": (
        f"{OWN}/namespaces/{SHOP}/vmprobes/site",
        {"spec": {"targets": {"staticConfig": {"targets": ["https://www.example.org"]}}}},
        {"spec": {"targets": {"staticConfig": {"targets": ["https://www.example.com"]}}}},
        replaced("www.example.com", "www.example.org"),
    ),
    "an Ingress that is probed is gone from the selection": (
        f"/apis/networking.k8s.io/v1/namespaces/{SHOP}/ingresses/front",
        {"metadata": {"labels": {"app": "another"}}},
        {"metadata": {"labels": {"app": "front"}}},
        lambda targets: {url: labels for url, labels in targets.items() if "shop.example.com" not in url},
    ),
}


def test_what_is_described_is_found_and_nothing_else(place: Place) -> None:
    place.expect(lambda: wanted(place))
    assert len(place.targets()) == 10


@pytest.mark.parametrize("change", CHANGES)
def test_targets_follow(place: Place, change: str) -> None:
    path, edit, back, effect = CHANGES[change]
    place.expect(lambda: wanted(place))
    before = place.targets()
    place.world.api.merge(path, edit)
    place.expect(lambda: effect(before))
    assert place.targets() != before
    place.world.api.merge(path, back)
    place.expect(lambda: before)


def test_targets_come_and_go_with_pods(place: Place) -> None:
    cart = f"/apis/apps/v1/namespaces/{SHOP}/deployments/cart"
    for replicas in (3, 1, 2):
        place.world.api.merge(cart, {"spec": {"replicas": replicas}})
        eventually(lambda replicas=replicas: len(place.pods(SHOP, "app=cart")) == replicas)  # type: ignore[misc]
        place.expect(lambda: wanted(place))
        assert len(place.targets()) == 6 + 2 * replicas


def test_vmagent_may_read_nothing_else(place: Place) -> None:
    kubeconfig = place.world.replicas.kubeconfig.parent / f"{AGENTS}-vmagent-main.kubeconfig"
    for resource in ("secrets", "configmaps", "serviceaccounts"):
        with pytest.raises(Refused, match="403"):
            Api(kubeconfig).get(f"/api/v1/namespaces/{SHOP}/{resource}")

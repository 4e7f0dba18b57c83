"""Subcommands that ask a cluster, against one in this process."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.apiserver.http import Server
from test.apiserver.loading import load
from vmagent_operator.api import crd, kinds
from vmagent_operator.cli.commands import explain
from vmagent_operator.identity import API_VERSION

AGENT: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": "VMAgent",
    "metadata": {"name": "main", "namespace": "mon"},
    "spec": {
        "remoteWrite": [{"url": "http://vm", "bearerTokenSecret": {"name": "token", "key": "t"}}],
        "selectAllByDefault": True,
    },
}
SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "token", "namespace": "mon"},
    "data": {"t": "czNjcmV0"},
}
SCRAPE: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": "VMServiceScrape",
    "metadata": {"name": "web", "namespace": "mon"},
    "spec": {"selector": {}, "endpoints": [{"port": "http"}]},
}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A cluster with our kinds, an agent and what it needs; and the kubeconfig for it."""
    with Server() as server:
        load(server.api, [crd.manifest(kind) for kind in kinds.KINDS])
        load(server.api, [AGENT, SECRET, SCRAPE])
        kubeconfig = tmp_path / "kubeconfig"
        server.tokens["t"] = "admin"
        server.kubeconfig(kubeconfig, "t")
        yield server, str(kubeconfig)


def in_namespace(kubeconfig: str, namespace: str) -> None:
    """Give the context of a kubeconfig a namespace."""
    content = yaml.safe_load(Path(kubeconfig).read_text())
    content["contexts"][0]["context"]["namespace"] = namespace
    Path(kubeconfig).write_text(yaml.safe_dump(content))


def test_the_namespace_is_that_of_the_kubeconfig(
    served: tuple[Server, str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, kubeconfig = served
    assert explain.main(["vmservicescrape/web", "--kubeconfig", kubeconfig], {}) == 1
    assert capsys.readouterr().err == "there is no VMServiceScrape default/web; did you mean mon/web?\n"
    in_namespace(kubeconfig, "mon")
    assert explain.main(["vmservicescrape/web"], {"KUBECONFIG": kubeconfig}) == 0
    assert capsys.readouterr().out == (
        "VMServiceScrape mon/web\n  VMAgent mon/main: scraped, 1 job: serviceScrape/mon/web/0\n"
    )


def test_a_secret_is_looked_up_in_the_cluster(served: tuple[Server, str], capsys: pytest.CaptureFixture[str]) -> None:
    server, kubeconfig = served
    assert explain.main(["--kubeconfig", kubeconfig], {}) == 0
    server.api.store.remove("secrets", ("mon", "token"))
    assert explain.main(["--kubeconfig", kubeconfig], {}) == 3
    assert "spec.remoteWrite[0].bearerTokenSecret: secret mon/token not found" in capsys.readouterr().out


def test_what_cannot_be_asked_costs_one_line(
    served: tuple[Server, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, kubeconfig = served
    content = yaml.safe_load(Path(kubeconfig).read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    content["clusters"][0]["cluster"] = {"server": address}
    Path(kubeconfig).write_text(yaml.safe_dump(content))
    assert explain.main(["--kubeconfig", kubeconfig], {}) == 2
    assert capsys.readouterr().err == f"{address} cannot be reached: connection refused\n"
    assert explain.main(["--kubeconfig", str(tmp_path / "none")], {}) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none'} cannot be used: there is no such file\n"
    assert explain.main(["--kubeconfig", kubeconfig, "--context", "none"], {}) == 2
    assert capsys.readouterr().err.count("\n") == 1

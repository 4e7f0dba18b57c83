"""`cluster`: an API server, ours and, in tests marked `cluster`, a real one."""

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.apiserver.http import Server
from test.controlplane.api import Api, Refused

_access = functools.cache(Api)
_serial = itertools.count(1)


@pytest.fixture(scope="session")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of our server."""
    with Server(tokens={"administrator": "admin"}) as server:
        yield server.kubeconfig(tmp_path_factory.mktemp("apiserver") / "kubeconfig", token="administrator")


@pytest.fixture(params=["in-process", pytest.param("real", marks=pytest.mark.cluster)])
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    """How to reach the server under test."""
    if request.param == "real":
        found: Path = request.getfixturevalue("control_plane").kubeconfig
        return found
    own: Path = request.getfixturevalue("in_process")
    return own


@pytest.fixture
def cluster(kubeconfig: Path) -> Api:
    """The server under test."""
    return _access(kubeconfig)


@pytest.fixture
def namespace(cluster: Api) -> Iterator[str]:
    """A namespace of its own."""
    name = f"conformance-{next(_serial)}"
    cluster.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    try:
        cluster.request("DELETE", f"/api/v1/namespaces/{name}")
    except Refused as error:
        if error.status not in (404, 409):
            raise

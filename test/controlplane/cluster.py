"""A cluster as tests see it: the control plane of this package, or the one that `KUBECONFIG` names."""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from attrs import define, field

from test.controlplane.api import Api, Json
from test.controlplane.servers import programs, running

_serial = itertools.count(1)


def eventually(is_so: Callable[[], bool], *, seconds: float = 60, every_seconds: float = 0.05) -> None:
    """Return as soon as `is_so`; AssertionError when it is not within `seconds`. For servers, whose clock none drives."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        time.sleep(every_seconds)


@define(eq=False)
class Cluster:
    """Administrator's access to a cluster, and a folder for files that should go with it."""

    kubeconfig: Path
    folder: Path
    has_controllers: bool
    api: Api = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.api = Api(self.kubeconfig)

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """What `kubectl ARGS` prints. Raises AssertionError with its error text when it fails."""
        done = subprocess.run(
            ["kubectl", f"--kubeconfig={self.kubeconfig}", *args], input=stdin, capture_output=True, text=True
        )
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout

    @contextmanager
    def namespace(self, prefix: str = "test", **labels: str) -> Iterator[str]:
        """The name of a new namespace, deleted afterwards."""
        name = f"{prefix}-{os.getpid()}-{next(_serial)}"
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        self.api.create("/api/v1/namespaces", manifest)
        try:
            yield name
        finally:
            self.api.delete(f"/api/v1/namespaces/{name}")

    def service_account(self, namespace: str, name: str) -> Path:
        """A kubeconfig that presents a token of the service account, which is created when it does not exist."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        if self.api.find(f"{path}/{name}") is None:
            metadata = {"name": name, "namespace": namespace}
            self.api.create(path, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 86400},
        }
        token = self.api.create(f"{path}/{name}/token", request)["status"]["token"]
        return self._as_user({"token": token}, f"{namespace}-{name}")

    def may(self, kubeconfig: Path, verb: str, resource: str, *, group: str = "", namespace: str = "") -> bool:
        """Whether the user of `kubeconfig` may do `verb` on `resource`, such as `pods` or `pods/eviction`."""
        name, _, subresource = resource.partition("/")
        attributes = {
            "verb": verb,
            "group": group,
            "resource": name,
            "subresource": subresource,
            "namespace": namespace,
        }
        review: Json = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = Api(kubeconfig).create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool(answer["status"]["allowed"])

    def _as_user(self, user: Json, name: str) -> Path:
        raw = self.kubectl("config", "view", "--raw", "--minify", "--flatten")
        config = yaml.safe_load(raw)
        config["users"] = [{"name": config["users"][0]["name"], "user": user}]
        path = self.folder / f"{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
        return path


@contextmanager
def cluster(*, nodes: Sequence[str] = ("node-1",)) -> Iterator[Cluster]:
    """A cluster to test with: that of `KUBECONFIG` if set, else a fresh control plane with these nodes.

    Raises binaries.Unavailable, and what servers.running raises.
    """
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        if existing := os.environ.get("KUBECONFIG"):
            yield Cluster(Path(existing), Path(folder), has_controllers=True)
            return
        servers = programs()
        with running(servers, nodes=nodes) as kubeconfig:
            yield Cluster(kubeconfig, Path(folder), has_controllers=bool(servers.manager))

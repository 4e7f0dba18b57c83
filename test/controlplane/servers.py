"""The servers of a control plane: what each is started with, and when it is ready."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import urllib3
import yaml
from attrs import frozen

from test.controlplane import binaries
from test.controlplane.api import Api, Refused
from test.controlplane.kubelet import Kubelet
from test.controlplane.process import Process

START_SECONDS = 60
USERS = {  # user: groups; the roles of all but the first are the server's own bootstrap policy
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
}

AUDIT = "audit.log"
"""What the operator's account asked for, a JSON object a line, beside the administrator's kubeconfig."""
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "users": ["system:serviceaccount:vmagent-operator:vmagent-operator"]},
        {"level": "None"},
    ],
}


@frozen
class Programs:
    """How to start each server; an empty command stands for one that is not there."""

    etcd: tuple[str, ...]
    apiserver: tuple[str, ...]
    manager: tuple[str, ...] = ()
    scheduler: tuple[str, ...] = ()


def programs() -> Programs:
    """Those of the folder `KUBEBUILDER_ASSETS`, which has no controllers, else our own build of `KUBERNETES_VERSION`.

    Raises binaries.Unavailable.
    """
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return Programs(etcd=(f"{assets}/etcd",), apiserver=(f"{assets}/kube-apiserver",))
    binary = str(binaries.controlplane(binaries.chosen()))
    return Programs(
        etcd=(str(binaries.controlplane()), "etcd"),
        apiserver=(binary, "kube-apiserver"),
        manager=(binary, "kube-controller-manager"),
        scheduler=(binary, "kube-scheduler"),
    )


@contextmanager
def running(programs: Programs, *, nodes: Sequence[str] = ("node-1",)) -> Iterator[Path]:
    """The administrator's kubeconfig of a fresh control plane, which is gone afterwards.

    Raises Exited when a server ends on start, TimeoutError when it is not ready in time.
    """
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="controlplane-", ignore_cleanup_errors=True))
        )
        kubeconfigs = _start_apiserver(stack, folder, programs)
        api = Api(kubeconfigs["admin"])
        if programs.manager:
            _run(stack, folder, "kube-controller-manager", programs.manager, _manager_flags(folder, kubeconfigs))
        if programs.scheduler:
            _run(stack, folder, "kube-scheduler", programs.scheduler, _scheduler_flags(kubeconfigs))
        if programs.manager:
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            _wait("the controllers have made no service account", lambda: api.find(account) is not None)
        kubelet = Kubelet(api, nodes=nodes, binds=not programs.scheduler)
        kubelet.start()
        stack.callback(kubelet.stop)
        yield kubeconfigs["admin"]


def _start_apiserver(stack: ExitStack, folder: Path, programs: Programs) -> dict[str, Path]:
    """etcd and kube-apiserver up and ready; the kubeconfig of each of USERS."""
    etcd_port, peer_port, port = _free_ports(3)
    tokens = {user: secrets.token_hex(16) for user in USERS}
    lines = [f'{token},{user},{user},"{USERS[user]}"' for user, token in tokens.items()]
    (folder / "tokens.csv").write_text("\n".join(lines))
    _make_key(folder / "service-account.key")
    _run(stack, folder, "etcd", programs.etcd, _etcd_flags(folder, etcd_port, peer_port))
    (folder / "audit.yaml").write_text(yaml.safe_dump(AUDIT_POLICY))
    flags = _apiserver_flags(folder, etcd_port, port, has_controllers=bool(programs.manager))
    server = _run(stack, folder, "kube-apiserver", programs.apiserver, flags)
    certificate = folder / "certs" / "apiserver.crt"
    _wait("kube-apiserver has made no certificate", certificate.exists, server)
    kubeconfigs = {}
    for user, token in tokens.items():
        kubeconfigs[user] = folder / f"{user.rpartition(':')[2]}.kubeconfig"
        write_kubeconfig(kubeconfigs[user], f"https://127.0.0.1:{port}", certificate, token)
    api = Api(kubeconfigs["admin"])
    _wait("kube-apiserver is not ready", lambda: api.get("/readyz") is not None, server)
    return kubeconfigs


def _etcd_flags(folder: Path, port: int, peer_port: int) -> list[str]:
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{port}",
        f"--advertise-client-urls=http://127.0.0.1:{port}",
        f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
        f"--initial-cluster=default=http://127.0.0.1:{peer_port}",
        "--unsafe-no-fsync",  # nothing here outlives the process anyway
        "--log-level=error",
    ]


def _apiserver_flags(folder: Path, etcd_port: int, port: int, *, has_controllers: bool) -> list[str]:
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",  # a loopback address makes no valid Endpoints
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certs'}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=Node,RBAC",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'service-account.key'}",
        f"--service-account-signing-key-file={folder / 'service-account.key'}",
        "--allow-privileged",
        # strict clusters have it: who names an owner that waits for a child needs a right to the owner's finalizers
        "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
        f"--audit-policy-file={folder / 'audit.yaml'}",
        f"--audit-log-path={folder / AUDIT}",
        "--audit-log-mode=blocking",  # a test that reads it sees what it has done
        # it insists on accounts that only a controller makes
        *([] if has_controllers else ["--disable-admission-plugins=ServiceAccount"]),
    ]


def _manager_flags(folder: Path, kubeconfigs: dict[str, Path]) -> list[str]:
    return [
        f"--kubeconfig={kubeconfigs['system:kube-controller-manager']}",
        f"--service-account-private-key-file={folder / 'service-account.key'}",
        f"--root-ca-file={folder / 'certs' / 'apiserver.crt'}",
        "--use-service-account-credentials",
        "--controllers=*,-node-lifecycle-controller",  # the stand-in sends no heartbeats
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def _scheduler_flags(kubeconfigs: dict[str, Path]) -> list[str]:
    return [f"--kubeconfig={kubeconfigs['system:kube-scheduler']}", "--leader-elect=false", "--secure-port=0"]


def _run(stack: ExitStack, folder: Path, name: str, command: Sequence[str], flags: Sequence[str]) -> Process:
    """A running server, killed when `stack` closes: nothing of it is kept, so there is nothing to end in order."""
    process = Process([*command, *flags], folder / f"{name}.log")
    stack.callback(process.kill)
    return process


def write_kubeconfig(path: Path, server: str, certificate_authority: Path, token: str) -> None:
    """A kubeconfig at `path` that presents the bearer `token`."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "test", "cluster": {"server": server, "certificate-authority": str(certificate_authority)}}
        ],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))


def _make_key(path: Path) -> None:
    """An EC key in the form that the servers read private and public halves from."""
    curve = ["-name", "prime256v1", "-genkey", "-noout"]
    subprocess.run(["openssl", "ecparam", *curve, "-out", str(path)], check=True, capture_output=True)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait(complaint: str, is_done: Callable[[], bool], *needed: Process) -> None:
    """Until `is_done`. Raises Exited when a `needed` process ends first, TimeoutError after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for process in needed:
            process.check()
        with suppress(Refused, urllib3.exceptions.HTTPError):
            if is_done():
                return
        time.sleep(0.05)
    raise TimeoutError(f"{complaint} after {START_SECONDS} s")

"""The programs that tests run beside the operator: built once from Go modules, kept in a cache folder.

The folder is `VMAGENT_OPERATOR_CACHE`, else `~/.cache/vmagent-operator`. A name in it carries what the binary was built
from, so a changed go.mod builds anew and two branches may share the folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).parent
KUBERNETES_VERSIONS = {"1.36": "v1.36.3", "1.28": "v1.28.15"}
"""The newest, and the oldest that is supported. `KUBERNETES_VERSION` chooses the one that tests run on, else the newest."""
NEWEST, *OLDER = KUBERNETES_VERSIONS
VICTORIA_VERSION = "v1.150.0"
VICTORIA_MODULE = "github.com/VictoriaMetrics/VictoriaMetrics"
TOOLS = {
    "helm": "helm.sh/helm/v4/cmd/helm@v4.3.2",
    "helm3": "helm.sh/helm/v3/cmd/helm@v3.22.0",
    "actionlint": "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",
}
"""Commands that come as they are, by name."""


class Unavailable(Exception):  # noqa: N818
    """A program cannot be had here; the message says what is missing."""


def cache() -> Path:
    """The cache folder, created when it does not exist."""
    folder = Path(os.environ.get("VMAGENT_OPERATOR_CACHE") or Path.home() / ".cache" / "vmagent-operator")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def chosen() -> str:
    """The Kubernetes that tests run on, as `1.36`. Raises Unavailable for one that is not in `KUBERNETES_VERSIONS`."""
    version = os.environ.get("KUBERNETES_VERSION") or NEWEST
    if version not in KUBERNETES_VERSIONS:
        raise Unavailable(f"KUBERNETES_VERSION={version} is none of {', '.join(KUBERNETES_VERSIONS)}")
    return version


def modules(version: str) -> Path:
    """The folder with go.mod and go.sum of a Kubernetes."""
    return SOURCE / ("." if version == NEWEST else f"v{version}")


def controlplane(version: str = NEWEST) -> Path:
    """The multi-call binary of kube-apiserver, kube-controller-manager and kube-scheduler; the newest is etcd as well.

    Builds it when the cache has none of these sources, which takes minutes. Raises Unavailable.
    """
    folder = modules(version)
    sources = [folder / "go.mod", folder / "go.sum", SOURCE / "main.go", SOURCE / "etcd.go"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    full = KUBERNETES_VERSIONS[version]
    target = cache() / f"controlplane-{full}-{digest.hexdigest()[:12]}"
    major, minor = version.split(".")
    known = {"gitVersion": full, "gitMajor": major, "gitMinor": minor}
    variables = {f"k8s.io/component-base/version.{name}": value for name, value in known.items()}
    older = [] if version == NEWEST else [f"-modfile={folder / 'go.mod'}", "-tags=noetcd"]
    return _installed(target, ".", variables, *older)


def program(name: str, folder: Path) -> Path:
    """What the Go module in `folder` is the source of. Raises Unavailable."""
    digest = hashlib.sha256(b"".join((folder / file).read_bytes() for file in ("go.mod", "go.sum", "main.go")))
    return _installed(cache() / f"{name}-{digest.hexdigest()[:12]}", ".", {}, folder=folder)


def victoria(name: str) -> Path:
    """A VictoriaMetrics program, such as `vmagent` or `victoria-metrics`. Raises Unavailable."""
    target = cache() / f"{name}-{VICTORIA_VERSION}"
    return _installed(target, f"{VICTORIA_MODULE}/app/{name}@{VICTORIA_VERSION}", {})


def tool(name: str) -> Path:
    """A program of `TOOLS`. Raises Unavailable."""
    package = TOOLS[name]
    return _installed(cache() / f"{name}-{package.rpartition('@')[2]}", package, {})


def module(path: str) -> Path:
    """The folder with the files of a Go module, such as `example.com/m@v1.0.0`. Raises Unavailable."""
    if shutil.which("go") is None:
        raise Unavailable(f"no Go toolchain to get {path} with")
    done = subprocess.run(["go", "mod", "download", "-json", path], cwd=cache(), capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"go mod download {path} failed: {done.stdout}{done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])


def documentation() -> Path:
    """The folder with the documentation of the VictoriaMetrics programs. Raises Unavailable."""
    return module(f"{VICTORIA_MODULE}@{VICTORIA_VERSION}") / "docs" / "victoriametrics"


def _installed(target: Path, package: str, variables: Mapping[str, str], *flags: str, folder: Path = SOURCE) -> Path:
    with _locked(target):
        if not target.exists():
            _install(target, package, variables, flags, folder)
    return target


def _install(target: Path, package: str, variables: Mapping[str, str], flags: Sequence[str], source: Path) -> None:
    """`package`, as the module in `source` has it, as the file `target`, with the values of Go string `variables` linked in."""
    if shutil.which("go") is None:
        raise Unavailable(f"no Go toolchain to build {target.name} with")
    folder = target.with_name(f".{target.name}.build")
    folder.mkdir(exist_ok=True)
    link = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in variables.items())])
    built = subprocess.run(
        ["go", "install", "-trimpath", "-ldflags", link, *flags, package],
        cwd=source,
        env=os.environ | {"GOBIN": str(folder), "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
    )
    if built.returncode:
        raise Unavailable(f"go install {package} failed: {built.stderr.strip()[-2000:]}")
    (output,) = folder.iterdir()
    output.rename(target)
    folder.rmdir()


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Alone with `target`: two test runs must not build the same program twice."""
    with target.with_name(f".{target.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield

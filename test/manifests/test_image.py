"""The image is built from what is locked, and runs as an unprivileged process 1."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from test.apiserver.http import Server
from test.apiserver.loading import load, manifests
from test.manifests.built import ROOT, build
from vmagent_operator import __version__

DOCKERFILE = (ROOT / "Dockerfile").read_text()
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")


def instruction(name: str) -> str:
    """The argument of the last instruction of this name, which is the one that counts."""
    return str(re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)[-1])


def test_it_runs_as_a_numeric_user_without_a_shell() -> None:
    assert instruction("USER") == "65532:65532"
    assert json.loads(instruction("ENTRYPOINT")) == ["python", "-m", "vmagent_operator"]
    assert "HEALTHCHECK" not in DOCKERFILE


def test_it_has_the_version_of_the_package() -> None:
    assert re.findall(r"^ARG VERSION=(.+)$", DOCKERFILE, re.MULTILINE) == [__version__]


def test_what_it_copies_is_in_the_context() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]
    }
    assert copied == kept


LOCK, BUILD_LOCK = (ROOT / name for name in ("requirements.lock", "requirements-build.lock"))
IMPORTED = """
import importlib, importlib.metadata as metadata, pkgutil, sys, vmagent_operator
for module in pkgutil.walk_packages(vmagent_operator.__path__, "vmagent_operator."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)
by_package = metadata.packages_distributions()
for package in {name.partition(".")[0] for name in {*sys.modules}}:
    print(*by_package.get(package, ()), sep="\\n")
"""
"""Prints the distributions of which the operator imports anything."""
OF_THE_ENVIRONMENT = {"setuptools", "vmagent-operator", ""}
"""setuptools puts itself into every start of an environment that has it."""


def locked(lock: Path) -> set[str]:
    """The distributions in a lock, of which each has an exact version and hashes."""
    text = re.sub(r"^#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    entry = r"([a-z0-9-]+)==[^\s;]+(?: ; [^\n\\]+)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+"
    assert re.fullmatch(f"(?:{entry})+", text)
    return {*re.findall(entry, text)}


def test_the_lock_has_what_is_imported_and_nothing_else() -> None:
    run = subprocess.run([sys.executable, "-c", IMPORTED], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = {re.sub("[-_.]+", "-", name).lower() for name in run.stdout.split("\n")}
    assert imported - OF_THE_ENVIRONMENT == locked(LOCK)


def test_the_lock_has_every_requirement() -> None:
    wanted = {re.split(r"[<>=!~\[; ]", line)[0] for line in SETUP["options"]["install_requires"].split("\n") if line}
    assert wanted <= locked(LOCK)


def test_what_builds_the_package_is_locked() -> None:
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert {re.split("[<>=]", line)[0] for line in requires} == locked(BUILD_LOCK)


def test_nothing_is_installed_that_is_not_locked() -> None:
    installs = re.findall(r"pip install (?:[^&\n]|\\\n)*", DOCKERFILE)
    assert len(installs) == 3
    for install in installs:
        options = {*install.replace("\\\n", " ").split()}
        assert "--no-deps" in options
        assert {"--require-hashes", "--only-binary"} <= options or {"--no-index", "--no-build-isolation"} <= options


@pytest.mark.parametrize(
    ("base", "code"), [("python:3.13-slim", 1), ("", 1), (f"python:3.13-slim@sha256:{'0' * 64}", 0)]
)
def test_a_base_that_is_not_named_by_digest_is_refused(base: str, code: int) -> None:
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${BASE}", "scratch"]
    assert re.findall(r"^ARG BASE=", DOCKERFILE, re.MULTILINE) == []
    (check,) = re.findall(r"^RUN (case .* esac)$", DOCKERFILE, re.MULTILINE)
    run = subprocess.run(["/bin/sh", "-c", check], env={"BASE": base}, capture_output=True, text=True)
    assert run.returncode == code
    assert bool(run.stderr) == bool(code)


MOST_BYTES = 90 << 20


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages as the image's build stage installs them: nothing but what is locked."""
    folder = tmp_path_factory.mktemp("image")
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    app, source = folder / "app", folder / "source"
    pip = [str(folder / "env/bin/pip"), "install", "--quiet", "--no-deps"]
    hashed = [*pip, "--require-hashes", "--only-binary", ":all:", "--requirement"]
    shutil.copytree(ROOT / "vmagent_operator", source / "vmagent_operator")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    subprocess.run([*hashed, str(BUILD_LOCK)], check=True)
    subprocess.run([*hashed, str(LOCK), "--target", app], check=True)
    subprocess.run([*pip, "--no-index", "--no-build-isolation", "--target", app, str(source)], check=True)
    return app


def make_tree(app: Path, folder: Path) -> Path:
    """The file tree of the image, made of this interpreter."""
    tree = folder / "tree"
    subprocess.run([sys.executable, ROOT / "image/tree.py", app, tree], check=True)
    return tree


@pytest.fixture(scope="module")
def tree(app: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(app, tmp_path_factory.mktemp("tree"))


def inside(tree: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """What the image's interpreter says where there is nothing but the tree."""
    as_root = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
    command = [*as_root, "chroot", str(tree), f"{sys.base_prefix}/bin/python", *arguments]
    environ = {"PYTHONPATH": "/app", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, env={**environ, "PATH": os.environ["PATH"]}, input=stdin, capture_output=True, text=True
    )


@pytest.mark.slow
def test_an_installation_of_the_lock_runs(tree: Path) -> None:
    example = (ROOT / "manifests/examples/vmagent-by-label.yaml").read_text()
    for command in (["-c", IMPORTED], ["--version"], ["crds"], ["render", "-f", "-"]):
        arguments = command if command[0] == "-c" else ["-m", "vmagent_operator", *command]
        run = inside(tree, *arguments, stdin=example)
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout


@pytest.mark.slow
def test_an_operator_works_where_there_is_nothing_but_the_image(tree: Path) -> None:
    with Server() as server:
        load(server.api, list(build("crd")))
        server.api.settle()
        load(server.api, manifests(ROOT / "manifests/examples/vmagent-by-label.yaml"))
        server.kubeconfig(tree / "tmp/kubeconfig", token="any")
        off = ("--metrics-bind-address=0", "--health-probe-bind-address=0", "--dry-run")
        run = inside(tree, "-m", "vmagent_operator", "--kubeconfig=/tmp/kubeconfig", *off)
    (tree / "tmp/kubeconfig").unlink()
    assert run.returncode == 0, run.stderr
    assert "vmagent monitoring/main: create Deployment monitoring/vmagent-main" in run.stderr


@pytest.mark.slow
def test_the_image_is_small_and_has_no_shell(tree: Path) -> None:
    files = [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    assert not {path.name for path in files} & {"sh", "bash", "dash", "busybox", "pip", "apt", "dpkg"}
    assert not (tree / "app/kubernetes/aio").exists()


@pytest.mark.slow
def test_the_image_is_the_same_every_time(app: Path, tree: Path, tmp_path: Path) -> None:
    def shape(root: Path) -> dict[str, tuple[int, int, bytes]]:
        return {
            str(path.relative_to(root)): (
                path.lstat().st_mode,
                int(path.lstat().st_mtime) if path.name != "tmp" else 0,
                path.read_bytes() if path.is_file() else b"",
            )
            for path in root.rglob("*")
        }

    other = make_tree(app, tmp_path)
    one, two = shape(tree), shape(other)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


HADOLINT = shutil.which("hadolint", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed")
def test_the_linter_is_content() -> None:
    done = subprocess.run([str(HADOLINT), ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.stdout == ""

"""A rendered pod on the local disk: its volumes as folders, filled as kubelet and the config-reloader would fill them.

Every container sees the same folders at mount paths of its own. vmagent runs outside the pod, so the mount paths in
its arguments and in the files that it reads become paths of those folders.
"""

import base64
import gzip
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from vmagent_operator.cli import options
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.commands import render
from vmagent_operator.settings import load

Manifest = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
FIELDS = {"spec.nodeName": "node-1", "status.hostIP": "127.0.0.1", "status.podIP": "127.0.0.1"}


@frozen
class Command:
    """How an application is started in a pod: the arguments and the environment, empty where what it comes from is not there."""

    arguments: tuple[str, ...]
    environ: Mapping[str, str]


class Objects:
    """The objects of a cluster that pods take files and variables from; the later of two with the same name counts."""

    def __init__(self, objects: Iterable[Manifest]) -> None:
        """Those of `objects` that hold data."""
        self._data = {_key(obj): dict(_data(obj)) for obj in objects if obj["kind"] in ("Secret", "ConfigMap")}

    def data(self, kind: str, namespace: str, name: str) -> Mapping[str, bytes]:
        """What an object holds; nothing if there is none, as with an optional reference."""
        return self._data.get((kind, namespace, name), {})


def rendered(given: Iterable[Manifest], environ: Mapping[str, str]) -> tuple[list[Manifest], Objects]:
    """The workloads that `given` leads to, and the objects that their pods take files and variables from."""
    cluster = Cluster.of(given)
    server = options.server(environ.get("KUBERNETES_VERSION", "1.36"))
    made = render.render(cluster, load(environ), server, datetime(2026, 1, 1, tzinfo=UTC)).objects
    return [obj for obj in made if obj["kind"] in WORKLOADS], Objects([*cluster.objects.values(), *made])


def command(workload: Manifest, objects: Objects, folder: Path) -> Command:
    """The application of a pod of `workload`, whose volumes are laid out in the empty `folder`."""
    return _Pod(workload, objects, folder).command()


def program(workload: Manifest) -> str:
    """The application that a workload runs, which is also what its container is called."""
    name: str = workload["metadata"]["labels"]["app.kubernetes.io/name"]
    return name


class _Pod:
    def __init__(self, workload: Manifest, objects: Objects, folder: Path) -> None:
        self.namespace, self.program = workload["metadata"]["namespace"], program(workload)
        self.spec = workload["spec"]["template"]["spec"]
        self.objects, self.folder = objects, folder
        self.fields = FIELDS | {"metadata.namespace": self.namespace, "metadata.name": folder.name}

    def command(self) -> Command:
        for volume in self.spec.get("volumes", ()):
            self._mount(volume)
        for container in (*self.spec.get("initContainers", ()), *self.spec["containers"]):
            self._reload(container)
        (application,) = (container for container in self.spec["containers"] if container["name"] == self.program)
        outside = self._outside(application)
        for path in self.folder.rglob("*"):
            if path.is_file():
                path.write_bytes(os.fsencode(outside(os.fsdecode(path.read_bytes()))))
        return Command(tuple(map(outside, application["args"])), dict(self._environ(application)))

    def _mount(self, volume: Manifest) -> None:
        """What kubelet does."""
        folder = self.folder / volume["name"]
        folder.mkdir(parents=True)
        name = volume.get("secret", {}).get("secretName") or volume.get("configMap", {}).get("name", "")
        kind = "Secret" if "secret" in volume else "ConfigMap"
        for key, content in self.objects.data(kind, self.namespace, name).items():
            (folder / key).write_bytes(content)

    def _reload(self, container: Manifest) -> None:
        """What the config-reloader does; other containers have no such arguments."""
        paths = self._paths(container)
        given = [argument.lstrip("-").partition("=")[::2] for argument in container.get("args", ())]
        flags = dict(given)
        if "config-secret-name" in flags:
            namespace, _, name = flags["config-secret-name"].partition("/")
            content = self.objects.data("Secret", namespace, name)[flags["config-secret-key"]]
            target = _within(paths, flags["config-envsubst-file"])
            target.write_bytes(_unpacked(content))
        watched, targets = ([path for flag, path in given if flag == name] for name in ("watched-dir", "target-dir"))
        for source, destination in zip(watched, targets, strict=True) if targets else ():
            if destination:
                folder = _within(paths, destination)
                shutil.copytree(_within(paths, source), folder, dirs_exist_ok=True)
                for file in folder.iterdir():
                    file.write_bytes(_unpacked(file.read_bytes()))

    def _paths(self, container: Manifest) -> dict[str, Path]:
        """Folders by mount path, inner paths before outer ones."""
        mounts = container.get("volumeMounts", ())
        found = {mount["mountPath"]: self.folder / mount["name"] / mount.get("subPath", "") for mount in mounts}
        return dict(sorted(found.items(), reverse=True))

    def _outside(self, container: Manifest) -> Callable[[str], str]:
        """A text with mount paths -> the same with the folders."""
        paths = self._paths(container)
        pattern = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, paths))})(?![\w.-])")
        return lambda text: pattern.sub(lambda match: str(paths[match[0]]), text)

    def _environ(self, container: Manifest) -> Iterator[tuple[str, str]]:
        for source in container.get("envFrom", ()):
            for name, value in self._referenced(source).items():
                yield source.get("prefix", "") + name, value.decode()
        for variable in container.get("env", ()):
            source = variable.get("valueFrom", {})
            if field := source.get("fieldRef"):
                yield variable["name"], self.fields[field["fieldPath"]]
            elif source:
                (reference,) = source.values()
                yield variable["name"], self._referenced(source).get(reference["key"], b"").decode()
            else:
                yield variable["name"], variable.get("value", "")

    def _referenced(self, source: Manifest) -> Mapping[str, bytes]:
        kinds = {"secretRef": "Secret", "secretKeyRef": "Secret", "configMapRef": "ConfigMap"}
        (found,) = ((key, value) for key, value in source.items() if isinstance(value, dict))
        return self.objects.data(kinds.get(found[0], "ConfigMap"), self.namespace, found[1]["name"])


def _within(paths: Mapping[str, Path], path: str) -> Path:
    mounted = next(mount for mount in paths if path == mount or path.startswith(f"{mount}/"))
    return paths[mounted] / path.removeprefix(mounted).lstrip("/")


def _key(obj: Manifest) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]


def _data(obj: Manifest) -> Iterator[tuple[str, bytes]]:
    for key, text in (obj.get("data") or {}).items():
        yield key, base64.b64decode(text) if obj["kind"] == "Secret" else text.encode()
    for key, text in (obj.get("stringData") or {}).items():
        yield key, text.encode()


def _unpacked(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content

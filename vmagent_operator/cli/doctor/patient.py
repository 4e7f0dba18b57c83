"""The cluster that is examined: asked once for what several checks look at; and what a check finds."""

import email.utils
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from attrs import frozen

from vmagent_operator.api.kinds import OWNER_KINDS
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli import live
from vmagent_operator.cli.cluster import Cluster
from vmagent_operator.cli.compare import Comparison
from vmagent_operator.cli.decisions import decisions
from vmagent_operator.cli.live import Live
from vmagent_operator.cli.reports.changes import Changes
from vmagent_operator.cli.reports.explanation import Explanation
from vmagent_operator.identity import OPERATOR
from vmagent_operator.kube import resource
from vmagent_operator.kube.errors import NotFound
from vmagent_operator.kube.resource import Resource
from vmagent_operator.model.decode import Manifest
from vmagent_operator.settings import Settings

Level = Literal["error", "warning", "ok"]


@frozen
class Symptom:
    """What a check found: `command` mends it, or says more where no command can."""

    level: Level
    message: str
    command: str = ""


Symptoms = Iterator[Symptom]
Check = Callable[["Patient"], Symptoms]


@frozen(slots=False, eq=False)
class Patient:
    """A cluster, and whose permissions are asked for: "" for those of whoever asks. Everything raises ApiError."""

    live: Live
    settings: Settings
    user: str = ""

    @cached_property
    def objects(self) -> list[Manifest]:
        """What there is of our kinds, with namespaces, Secrets and ConfigMaps."""
        return live.snapshot(self.live, self.settings)

    @cached_property
    def explanation(self) -> Explanation:
        """Why everything is scraped or not."""
        cluster = Cluster.of(self.objects)
        decided = decisions(cluster, self.settings, self.live.server)
        return Explanation(cluster=cluster, decided=decided, settings=self.settings)

    @cached_property
    def take_over(self) -> Changes:
        """What the operator would change if it worked here now."""
        return Comparison.of(self.live, self.settings, ()).changes(of_all=True)

    @property
    def owners(self) -> list[CustomObject[Any]]:
        """All owners, by kind and `namespace/name`."""
        return [owner for kind in OWNER_KINDS for owner in live.ordered(self.explanation.cluster, kind)]

    @cached_property
    def deployments(self) -> list[Manifest]:
        """All Deployments."""
        return self.all(resource.DEPLOYMENTS)

    @cached_property
    def groups(self) -> frozenset[str]:
        """The API groups, each with its version."""
        return self.live.client.groups()

    @property
    def operators(self) -> list[Manifest]:
        """Deployments of this operator."""
        return [each for each in self.deployments if any(OPERATOR in image for image in images(each))]

    @property
    def predecessors(self) -> list[Manifest]:
        """Deployments of the Go operator that are to run."""
        found = (each for each in self.deployments if any(_is_predecessor(image) for image in images(each)))
        return [each for each in found if each["spec"].get("replicas", 1)]

    def all(self, of: Resource) -> list[Manifest]:
        """All objects of a kind; none if the kind is not there."""
        try:
            return list(self.live.client.list(of).items)
        except NotFound:
            return []

    def skew_seconds(self) -> float | None:
        """By how much the server's clock is ahead of ours, None if it does not say."""
        answer = self.live.client.transport.request("GET", "/version", timeout=10.0)
        date = answer.headers.get("date")
        said = email.utils.parsedate_to_datetime(date) if date else None
        return (said - datetime.now(UTC)).total_seconds() if said else None


def place(manifest: Manifest) -> str:
    """`namespace/name`."""
    metadata = manifest["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"


def containers(workload: Manifest) -> list[Manifest]:
    """The containers of a workload's pods."""
    return list(workload["spec"]["template"]["spec"].get("containers") or ())


def images(workload: Manifest) -> list[str]:
    """Their images."""
    return [str(each.get("image", "")) for each in containers(workload)]


def _is_predecessor(image: str) -> bool:
    repository, _, tag = image.partition("@")[0].rpartition(":")
    if not repository or "/" in tag:  # there is no tag, or it is a port
        repository, tag = image.partition("@")[0], ""
    return repository.endswith("victoriametrics/operator") and not tag.startswith("config-reloader")

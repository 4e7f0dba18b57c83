"""What decides on an owner's objects takes and gives: a snapshot, and the objects in the order in which they are written."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import Configuration
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.scrape.selection import Selection
from vmagent_operator.settings import Server, Settings


@frozen(kw_only=True)
class ConfigSecret:
    """What the Secret of the name of an owner's scrape configuration is to it.

    exists: it has a configuration, whoever wrote that. is_foreign: it is somebody else's, and stays so. is_shared: its
    configuration is ours all the same, because the owner has used it before it was given a selection.
    """

    exists: bool = False
    is_foreign: bool = False
    is_shared: bool = False


@frozen(kw_only=True)
class Inputs:
    """The snapshot that decides what an owner gets.

    selection: the scrape objects that it selects. values: the Secrets and ConfigMaps that it or they refer to. config: its
    configuration Secret as it is. replicas: how many pods those of its workloads have been told to have that are there and
    of which that counts, by name. claims: those claims of its own that are there, by name.
    """

    owner: CustomObject[Any]
    selection: Selection
    values: SecretSnapshot
    settings: Settings
    server: Server
    config: ConfigSecret = ConfigSecret()
    replicas: Mapping[str, int] = field(factory=dict)
    claims: frozenset[str] = frozenset()


@frozen(kw_only=True)
class Gate:
    """Holds a stage, and no other, until the workloads `until` run as desired.

    With `since`, only what replaces something waits: a first version has nobody that could lose by it. And it does not wait
    for ever, but as long as a workload may take, counted from when the object `since` of an earlier stage came to be.
    Without, a first version waits too, and for as long as it takes.
    """

    until: tuple[Manifest, ...]
    since: Manifest | None = None


@frozen(kw_only=True)
class Stage:
    """Objects that are written together, each behind all that it refers to; without a gate, at once."""

    objects: tuple[Manifest, ...]
    gate: Gate | None = None


@frozen(kw_only=True)
class Desired:
    """What the cluster should hold, in the order in which it is written, and how it came about.

    configuration: None for an owner that scrapes nothing. warnings: what is doubtful in the spec, and yet built.
    """

    stages: tuple[Stage, ...]
    configuration: Configuration | None = None
    warnings: tuple[str, ...] = ()


def objects(stages: Sequence[Stage]) -> tuple[Manifest, ...]:
    """All objects, in the order in which they are written."""
    return tuple(manifest for stage in stages for manifest in stage.objects)

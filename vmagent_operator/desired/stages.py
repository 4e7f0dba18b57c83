"""The order in which desired objects are written: stages, and what a later one waits for."""

from collections.abc import Sequence

from attrs import frozen

from vmagent_operator.model.decode import Manifest


@frozen(kw_only=True)
class Gate:
    """Holds a stage, and no other, until the workloads `until` run as desired.

    Only what replaces something waits: a first version has nobody that could lose by it. And it does not wait for ever, but
    as long as a workload may take, counted from when the object `since` of an earlier stage came to be.
    """

    until: tuple[Manifest, ...]
    since: Manifest


@frozen(kw_only=True)
class Stage:
    """Objects that are written together, each behind all that it refers to; without a gate, at once."""

    objects: tuple[Manifest, ...]
    gate: Gate | None = None


def objects(stages: Sequence[Stage]) -> tuple[Manifest, ...]:
    """All objects, in the order in which they are written."""
    return tuple(manifest for stage in stages for manifest in stage.objects)

"""Desired against live: what is written now, what waits, and what is taken away last. Pure, given a view of the stores."""

from collections.abc import Callable, Sequence

from attrs import evolve, frozen

from vmagent_operator.controller.engine.child import Child, child_of, content_digest, resource_of
from vmagent_operator.desired.stages import Gate, Stage, objects
from vmagent_operator.kube import resource
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write.ownership import adds_nothing

ROLES = (resource.ROLES, resource.CLUSTERROLES)


@frozen(kw_only=True)
class Plan:
    """What a reconcile brings about.

    now: objects to write, in order; roles keep the rights that they have beside the desired ones. waiting: those behind a
    gate that is closed. last: roles without those rights, once nothing runs any more that may use them.
    """

    now: tuple[Manifest, ...]
    waiting: tuple[Manifest, ...]
    last: tuple[Manifest, ...]
    children: dict[Child, bytes]
    """Every object that is to be there in the end, and the digest of what it is to be. What is not among them is pruned."""

    def settled(self) -> "Plan":
        """What is left of it once all of it is written: there is nothing to do, and what is to be there is known."""
        return evolve(self, now=(), waiting=())


@frozen(kw_only=True)
class View:
    """What a plan looks at.

    live: an object as the stores have it, None if they do not. is_running: whether a workload is as desired and ready.
    age_seconds: since when an object is known to be there. patience_seconds: how long a gate may stay closed.
    """

    live: Callable[[Manifest], Manifest | None]
    is_running: Callable[[Manifest], bool]
    age_seconds: Callable[[Manifest], float]
    patience_seconds: float


def make_plan(stages: Sequence[Stage], view: View) -> Plan:
    """The plan that leads from what `view` shows to what `stages` ask for."""
    now: list[Manifest] = []
    waiting: list[Manifest] = []
    for stage in stages:
        wanted = [manifest for manifest in stage.objects if not adds_nothing(manifest)]
        is_held = stage.gate is not None and _is_closed(stage.gate, wanted, view)
        (waiting if is_held else now).extend(wanted)
    every = [manifest for manifest in objects(stages) if not adds_nothing(manifest)]
    return Plan(
        now=tuple(_additive(manifest, view) if resource_of(manifest) in ROLES else manifest for manifest in now),
        waiting=tuple(waiting),
        last=tuple(manifest for manifest in every if resource_of(manifest) in ROLES),
        children={child_of(manifest): content_digest(manifest) for manifest in every},
    )


def _is_closed(gate: Gate, wanted: Sequence[Manifest], view: View) -> bool:
    if gate.since is None:
        return not all(map(view.is_running, gate.until))
    if any(view.live(manifest) is None for manifest in wanted):
        return False
    if view.live(gate.since) is None:
        return True
    if view.age_seconds(gate.since) > view.patience_seconds:
        return False
    return not all(map(view.is_running, gate.until))


def _additive(desired: Manifest, view: View) -> Manifest:
    """A role with the rules that it has beside the desired ones: rights are taken away last."""
    live = view.live(desired) or {}
    extra = [rule for rule in live.get("rules") or () if rule not in desired["rules"]]
    return {**desired, "rules": [*desired["rules"], *extra]}

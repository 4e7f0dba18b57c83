"""When writes count as undone by somebody else, what is told of it, and how long they rest then."""

import pytest
from attrs import define, field

from test.controller.world import VirtualClock
from vmagent_operator.controller.engine.child import Child
from vmagent_operator.controller.steps.conflicts import ConflictingWriters, ConflictState
from vmagent_operator.kube import resource

REWRITES, WITHIN_SECONDS, PAUSE_SECONDS, QUIET_SECONDS = 10, 300.0, 60.0, 600.0
CHILD = Child(resource.SERVICES, "monitoring", "vmagent-main")
FIELDS = tuple(f"spec.field{number}" for number in range(9))


@define
class War:
    """Writes of one owner, and the Events that tell of them."""

    clock: VirtualClock = field(factory=VirtualClock)
    told: list[tuple[str, str, str]] = field(factory=list)
    state: ConflictState = field(factory=ConflictState)

    @property
    def writers(self) -> ConflictingWriters:
        """As a reconcile that begins now has them."""
        return ConflictingWriters(self.state, self.clock, lambda *event: self.told.append(event))

    def is_on(self) -> bool:
        """Whether it is told of at the moment."""
        return self.writers.is_open

    def write(self, times: int, every_seconds: float, child: Child = CHILD, content: bytes = b"ours") -> None:
        """So many writes of the same, the last of them now."""
        for number in range(times):
            self.clock.seconds += every_seconds if number else 0.0
            self.writers.count(child, f"service monitoring/{child.name}", content, FIELDS)


def test_writes_that_are_undone_again_and_again_are_told_and_rest() -> None:
    war = War()
    war.write(REWRITES, WITHIN_SECONDS / REWRITES / 2)
    assert not war.is_on()
    assert war.writers.pause_seconds() == 0
    war.write(1, 0.0)
    assert war.is_on()
    assert war.writers.pause_seconds() == PAUSE_SECONDS
    fields = "spec.field0, spec.field1, spec.field2, spec.field3, spec.field4"
    assert war.told == [
        ("Warning", "ConflictingController", f"somebody else keeps changing service monitoring/vmagent-main: {fields}")
    ]


@pytest.mark.parametrize("late_seconds", [0.0, 1.0])
def test_a_write_after_the_span_is_no_war(late_seconds: float) -> None:
    war = War()
    war.write(1, 0.0)
    war.clock.seconds += WITHIN_SECONDS + late_seconds
    war.write(REWRITES, 0.0)
    assert war.is_on() == (not late_seconds)


def test_nor_are_writes_of_several_things_or_of_one_thing_in_turn() -> None:
    war = War()
    for _ in range(2 * REWRITES):
        war.write(1, 0.0)
        war.write(1, 0.0, Child(resource.SERVICES, "monitoring", "another"))
        war.write(1, 0.0, Child(resource.SECRETS, "monitoring", "turning"), b"one")
        war.write(1, 0.0, Child(resource.SECRETS, "monitoring", "turning"), b"another")
        war.clock.seconds += WITHIN_SECONDS / 9
    assert not war.is_on()


def test_a_reconcile_goes_on_with_a_war_if_it_writes_again_what_is_undone_while_that_is_told() -> None:
    war, other = War(), Child(resource.SERVICES, "monitoring", "another")

    def goes_on(*children: Child) -> bool:
        reconcile = war.writers
        for child in children:
            reconcile.count(child, "it", b"ours", FIELDS)
        return reconcile.goes_on

    assert [goes_on(CHILD), goes_on(CHILD)] == [False, False]
    war.write(REWRITES, 0.0)
    assert war.is_on()
    assert [goes_on(other), goes_on(other)] == [False, True]
    assert goes_on(CHILD, Child(resource.SERVICES, "monitoring", "third"))


def test_they_are_written_once_a_minute_until_it_has_been_quiet_for_long() -> None:
    war = War()
    war.write(1 + REWRITES, 1.0)
    war.clock.seconds += PAUSE_SECONDS - 1
    assert war.writers.pause_seconds() == 1
    war.clock.seconds += 1
    assert war.writers.pause_seconds() == 0  # it is our turn
    assert war.writers.pause_seconds() == PAUSE_SECONDS  # and not again at once
    war.write(1, 0.0)
    assert war.writers.pause_seconds() == PAUSE_SECONDS
    assert len(war.told) == 1  # told once, for all that it lasts
    war.clock.seconds += QUIET_SECONDS - 1
    assert war.is_on()
    war.clock.seconds += 1
    assert not war.is_on()
    assert war.writers.pause_seconds() == 0
    assert war.writers.pause_seconds() == 0  # nor later


def test_a_war_that_begins_anew_is_told_anew() -> None:
    war = War()
    war.write(1 + REWRITES, 1.0)
    war.clock.seconds += QUIET_SECONDS
    war.write(1 + REWRITES, 1.0)
    assert len(war.told) == 2

"""One difference of a store, as handlers get it. Pure: apart from the store, whose lock and log it does not need."""

from typing import Generic, TypeVar

from attrs import frozen

T = TypeVar("T")


@frozen
class Change(Generic[T]):
    """One difference of a store: `old` is None for an object that is new, `new` for one that is gone.

    An object whose UID changed is two: gone, then new. `is_final_state_unknown` says that nobody saw the object go, so that `old`
    may not be its last state.
    """

    old: T | None
    new: T | None
    is_final_state_unknown: bool = False

"""What the operator writes back: conditions, and the status of scrape objects."""

from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api.core import INT64, listed_by
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.fields import Field, Json

ANYTHING = Annotated[Manifest, Json("", schema={"type": None})]
TIME = {"format": "date-time"}


@frozen(kw_only=True)
class Condition:
    """One observation, such as whether an owner has applied a scrape object."""

    type: Annotated[str, Field("What is observed.", schema={"maxLength": 316})]
    status: Annotated[Literal["True", "False", "Unknown"], Field("Whether it holds.")]
    observed_generation: Annotated[
        int, Field("Generation of the object that was looked at.", schema=INT64 | {"minimum": 0})
    ] = 0
    last_transition_time: Annotated[str, Field("When status changed last.", schema=TIME)]
    last_update_time: Annotated[str, Field("When it was looked at last.", schema=TIME)]
    reason: Annotated[str, Field("Why, in one word.", schema={"minLength": 1, "maxLength": 1024})]
    message: Annotated[str, Field("Why, in a sentence.", schema={"maxLength": 32768})] = ""


@frozen(kw_only=True)
class ScrapeStatus:
    """Whether agents scrape by this object."""

    update_status: Annotated[str, Field("operational, or failed.")] = ""
    reason: Annotated[str, Field("What is wrong.")] = ""
    observed_generation: Annotated[int, Field("Generation that this status is about.", schema=INT64)] = 0
    conditions: Annotated[tuple[Condition, ...], Field("One for each agent.", schema=listed_by("type"))] = ()


@frozen(kw_only=True)
class OwnerStatus:
    """How far an owner is what it was asked to be."""

    update_status: Annotated[str, Field("expanding, operational, failed or paused.")] = ""
    reason: Annotated[str, Field("What is wrong.")] = ""
    observed_generation: Annotated[int, Field("Generation that this status is about.", schema=INT64)] = 0
    conditions: Annotated[tuple[Condition, ...], Field("Further observations.", schema=listed_by("type"))] = ()
    last_applied_spec: Annotated[ANYTHING | None, Field("The spec that was applied last.")] = None

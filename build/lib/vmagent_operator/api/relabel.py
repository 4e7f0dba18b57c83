"""Relabeling rules, shared by every kind and by owners' own remote write settings."""

from collections.abc import Mapping
from typing import Annotated

from attrs import field, frozen

from vmagent_operator.api.core import INT64, StringOrList
from vmagent_operator.model.fields import Field

NULL_TEXTS = ("null", "~")


def scalar_or_list(texts: StringOrList) -> str | list[str]:
    """One text as a scalar, several as a list.

    `null` and `~` stay in a list: vmagent's YAML library takes even the quoted word for null, but not inside a list.
    """
    given = (texts,) if isinstance(texts, str) else texts
    return given[0] if len(given) == 1 and given[0] not in NULL_TEXTS else list(given)


@frozen(kw_only=True)
class RelabelConfig:
    """One relabeling rule. The two spellings of a key mean the same; the camelCase one wins if both are given.

    Source: https://docs.victoriametrics.com/victoriametrics/relabeling/
    """

    source_labels: Annotated[
        tuple[str, ...], Field("Labels whose values are joined and matched.", aliases=("source_labels",))
    ] = ()
    separator: Annotated[str | None, Field("What joins the source values; `;` if absent.")] = None
    target_label: Annotated[str, Field("Label that is written.", aliases=("target_label",))] = ""
    regex: Annotated[
        StringOrList, Field("Expression, or several alternatives, for the joined values.", emit=scalar_or_list)
    ] = ()
    modulus: Annotated[int, Field("Modulus of the hash for hashmod.", schema=INT64 | {"minimum": 0}, unsigned=True)] = 0
    replacement: Annotated[str | None, Field("Value to write; may refer to groups of the regex.")] = None
    action: Annotated[str, Field("What the rule does; replace if empty.")] = ""
    if_: Annotated[
        StringOrList, Field("Series selectors, one of which must match.", config="if", emit=scalar_or_list)
    ] = ()
    match: Annotated[str, Field("Template for the graphite action.")] = ""
    labels: Annotated[Mapping[str, str], Field("Labels that the graphite action writes.")] = field(factory=dict)

"""Walks over what a model holds."""

from collections.abc import Mapping
from typing import Annotated

from attrs import field, frozen

from test.model.tables import HTTP, TOKEN, Discovery, Selector
from vmagent_operator.model.fields import Field
from vmagent_operator.model.walk import find, walk

WANTED = frozenset((Selector, Discovery))


@frozen(kw_only=True)
class Group:
    """Models in every container that a table can have."""

    listed: Annotated[tuple[Discovery, ...], Field("In a list.", key="discoveries")] = ()
    named: Annotated[Mapping[str, Selector], Field("By name.")] = field(factory=dict)
    single: Annotated[Selector | None, Field("Alone.")] = None


def test_find_reaches_inline_parts() -> None:
    assert find(Discovery(server="a", http=HTTP(token=TOKEN)), Selector) == (TOKEN,)
    assert find(Discovery(server="a"), Selector) == ()


def test_find_takes_several_models_and_none() -> None:
    assert find((HTTP(token=TOKEN), None, TOKEN), Selector) == (TOKEN, TOKEN)
    assert find(None, Selector) == ()


def test_a_walk_names_the_json_path_of_each_model() -> None:
    discovery = Discovery(server="a", http=HTTP(token=TOKEN))
    group = Group(listed=(Discovery(server="b"), discovery), named={"one": TOKEN}, single=TOKEN)
    assert walk(group, "spec", WANTED) == [
        ("spec.discoveries[0]", Discovery(server="b")),
        ("spec.discoveries[1]", discovery),
        ("spec.discoveries[1].token", TOKEN),
        ("spec.named.one", TOKEN),
        ("spec.single", TOKEN),
    ]

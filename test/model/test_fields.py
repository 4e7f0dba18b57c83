"""The field tables themselves: how they are read, and which are refused."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

import attrs
import pytest
from attrs import field, frozen, make_class

from test.model.tables import HTTP, Container, Discovery
from vmagent_operator.model.fields import Field, List, Passthrough, Slot, keys, slots


def by_name(cls: type) -> dict[str, Slot]:
    """The slots of a table."""
    return {slot.name: slot for slot in slots(cls)}


def test_a_field_is_called_as_its_attribute_unless_it_says_otherwise() -> None:
    @frozen
    class Names:
        a_long_name: Annotated[str, Field("")] = ""
        named: Annotated[str, Field("", key="Key", config="text")] = ""
        hidden: Annotated[str, Field("", config="")] = ""

    assert [(slot.key, slot.config) for slot in slots(Names)] == [
        ("aLongName", "a_long_name"), ("Key", "text"), ("hidden", ""),
    ]  # fmt: skip


def test_what_an_absent_key_means() -> None:
    found = by_name(Discovery)
    assert [name for name, slot in found.items() if slot.required] == ["server"]
    assert found["server"].default is attrs.NOTHING
    assert found["meta"].default == {}
    assert found["scheme"].default is None


def test_the_keys_of_a_table_are_those_of_its_inline_parts_and_its_aliases_too() -> None:
    assert {"sourceLabels", "source_labels", "followRedirects", "token"} <= keys(Discovery)
    assert "http" not in keys(Discovery)
    assert {name: slot.inline for name, slot in by_name(Discovery).items() if slot.inline} == {"http": HTTP}


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        (bytes, "Odd.when: <class 'bytes'> is none of the shapes"),
        (list[str], "Odd.when: list[str] is none of the shapes"),
        (tuple[str, str], "Odd.when: tuple[str, str] is none of the shapes"),
        (tuple[str], "Odd.when: tuple[str] is none of the shapes"),
        (Mapping[int, str], "Odd.when: collections.abc.Mapping[int, str] is none of the shapes"),
        (Mapping[str, bytes], "Odd.when: <class 'bytes'> is none of the shapes"),
        (str | float, "Odd.when: a union of [<class 'str'>, <class 'float'>] is none of the shapes"),
        (str | tuple[int, ...] | None, "Odd.when: a union of [<class 'str'>, tuple[int, ...]] is none of the shapes"),
    ],
    ids=str,
)
def test_a_type_outside_the_closed_set_is_refused_when_first_walked(hint: Any, message: str) -> None:
    described: Any = Annotated[hint, Field("")]
    with pytest.raises(TypeError) as error:
        slots(make_class("Odd", {"when": field(type=described)}))
    assert str(error.value).startswith(message)


def test_a_field_that_is_not_described_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^Odd\.when: no Field in its annotation$"):
        slots(make_class("Odd", {"when": field(type=str)}))


def test_a_structure_of_kubernetes_is_passed_through_wherever_it_stands() -> None:
    json = get_args(Container)[1]

    @frozen
    class Holder:
        one: Annotated[Container, Field("")]
        few: Annotated[tuple[Annotated[dict[str, Any], "a note", json], ...], Field("")] = ()
        some: Annotated[Container | None, Field("")] = None

    raw = Passthrough(json)
    assert [slot.shape for slot in slots(Holder)] == [raw, List(raw), raw]

"""Model -> configuration, search and schema."""

from typing import Annotated, Any, ClassVar

from attrs import frozen, make_class

from test.model.tables import HTTP, TOKEN, Discovery, Selector, Texts
from vmagent_operator.model.encode import Secrets, changed, to_config
from vmagent_operator.model.fields import Field, Json, Keywords
from vmagent_operator.model.openapi import schema


def test_the_configuration_holds_what_differs_from_its_default_in_declaration_order() -> None:
    value = Discovery(
        server="a",
        scheme="HTTPS",
        meta={"b": "2", "a": "1"},
        size="1mb",
        http=HTTP(follow_redirects=False, token=TOKEN),
    )
    found = to_config(value, Texts())
    assert list(found["meta"]) == ["a", "b"]
    assert list(found.items()) == [
        ("server", "a"), ("scheme", "https"), ("meta", {"a": "1", "b": "2"}), ("limit", 0),
        ("follow_redirects", False), ("bearer_token", "text of consul/acl"),
    ]  # fmt: skip


def test_a_part_that_has_nothing_to_say_is_left_out() -> None:
    @frozen
    class Silent:
        word: Annotated[str, Field("")]

        def to_config(self, secrets: Secrets) -> None:
            """Nothing."""

    @frozen
    class Holder:
        part: Annotated[Silent, Field("")]

    assert to_config(Holder(Silent("a")), Texts()) == {}


def test_changed_names_required_and_set_slots() -> None:
    assert [slot.name for slot, _ in changed(Discovery(server="", port=0))] == ["server", "port"]


def test_the_schema_shows_inline_fields_and_overlays() -> None:
    made = schema(Discovery)
    properties = {
        key: {word: value for word, value in part.items() if word != "description"}
        for key, part in made["properties"].items()
    }
    assert made["required"] == ["server"]
    assert properties["server"] == {"type": "string", "minLength": 1}
    assert properties["scheme"] == {"type": "string", "enum": ["HTTP", "HTTPS"]}
    assert properties["port"] == {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    }
    assert properties["meta"] == {"type": "object", "additionalProperties": {"type": "string"}}
    assert properties["source_labels"] == properties["sourceLabels"] == {"type": "array", "items": {"type": "string"}}
    assert properties["followRedirects"] == {"type": "boolean"}
    assert properties["containers"]["items"]["required"] == ["name"]
    assert schema(Discovery)["properties"]["limit"] == {"description": "Limit.", "type": "integer"}


@frozen
class Overlaid:
    """A table whose schema says more than its fields."""

    SCHEMA: ClassVar[Keywords] = {"x-kubernetes-map-type": "atomic", "required": None}
    regex: Annotated[str | tuple[str, ...], Field("")]
    spec: Annotated[Annotated[dict[str, Any], Json("Spec", schema={"minProperties": 1})] | None, Field("")] = None


def test_a_schema_holds_only_what_there_is_to_say() -> None:
    assert schema(make_class("Nothing", {})) == {"type": "object"}
    assert schema(Overlaid) == {
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "regex": {"x-kubernetes-preserve-unknown-fields": True},
            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "minProperties": 1},
        },
    }


def test_what_an_inline_part_requires_its_parent_requires() -> None:
    @frozen
    class Parent:
        part: Annotated[Selector, Field("", inline=True)]
        own: Annotated[int, Field("")]

    assert schema(Parent)["required"] == ["key", "own"]


def test_a_structure_is_open_unless_its_schema_is_given() -> None:
    name, given = "io.k8s.api.core.v1.Container", {"type": "object", "properties": {"name": {"type": "string"}}}
    assert schema(Discovery)["properties"]["containers"]["items"]["x-kubernetes-preserve-unknown-fields"] is True
    assert schema(Discovery, {name: given})["properties"]["containers"]["items"] == given

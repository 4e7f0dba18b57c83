"""The vocabulary of field tables, and the one place that reads them.

A model is a plain attrs class whose fields carry, in `Annotated`, what Python's type and default cannot say. The walkers
(decode, encode, openapi) see such a class as `slots(cls)`: a tuple of slots, each with a shape from a closed set.
"""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import attrs
from attrs import frozen

from vmagent_operator.limits import Limit

F = TypeVar("F", bound=Callable[..., Any])
Keywords = dict[str, Any]
"""Keywords of an OpenAPI schema."""


def cached(function: F) -> F:
    """functools.cache with the signature kept: mypy does not take classes for hashable."""
    return cast(F, functools.cache(function))


@frozen(eq=False)
class Field:
    """What a field means outside Python.

    doc: one sentence for users, shown by `kubectl explain`.
    key: the JSON key, if it is not the attribute in camelCase; aliases: further keys read when `key` is absent.
    config: the configuration key, if it is not the attribute; "" keeps the field out of the configuration.
    schema: keywords laid over the generated OpenAPI schema; a value of None takes a keyword away.
    pattern: what a string (or an int given for one) must match when decoded, where the schema does not say it already.
    most: how many elements a list may have; more are not even decoded.
    emit: turns the value into what the configuration shows.
    inline: the fields of this model stand among those of its parent.
    always: written to the configuration even at its default.
    unsigned: an integer is one of 64 bits without a sign, not with one.
    """

    doc: str
    key: str = attrs.field(default="", kw_only=True)
    config: str | None = attrs.field(default=None, kw_only=True)
    aliases: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    schema: Keywords | None = attrs.field(default=None, kw_only=True)
    pattern: str = attrs.field(default="", kw_only=True)
    most: Limit | None = attrs.field(default=None, kw_only=True)
    emit: Callable[[Any], Any] | None = attrs.field(default=None, kw_only=True)
    inline: bool = attrs.field(default=False, kw_only=True)
    always: bool = attrs.field(default=False, kw_only=True)
    unsigned: bool = attrs.field(default=False, kw_only=True)


@frozen(eq=False)
class Json:
    """A Kubernetes structure that is passed through uninterpreted, so that fields newer than us survive.

    name: its OpenAPI name. required: keys it must have. schema: keywords laid over the generated schema.
    """

    name: str
    required: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    schema: Keywords | None = attrs.field(default=None, kw_only=True)


@frozen
class Scalar:
    """str, int, bool or float."""

    type: type


@frozen
class Choice:
    """One of a few strings."""

    values: tuple[str, ...]


@frozen
class IntOrString:
    """A number or a text, kept as given."""


@frozen
class StringOrList:
    """A string or a list of strings, kept as a tuple."""


@frozen
class Model:
    """Another field table."""

    cls: type


@frozen
class List:
    """A JSON array, kept as a tuple."""

    item: Shape


@frozen
class Map:
    """A JSON object with free keys."""

    item: Shape


@frozen
class Passthrough:
    """A JSON object of Kubernetes' own, kept as given."""

    json: Json


Shape = Scalar | Choice | IntOrString | StringOrList | Model | List | Map | Passthrough


@frozen(eq=False)
class Slot:
    """One field of a model as the walkers see it.

    name: the attribute. key, config: its JSON and configuration keys ("" = not in the configuration).
    default: what an absent key means; `attrs.NOTHING` if the field is required. required: whether the key must be present.
    inline: the model whose fields stand among the parent's, or None.
    """

    name: str
    key: str
    config: str
    shape: Shape
    field: Field
    default: Any
    required: bool = attrs.field(init=False)
    inline: type | None = attrs.field(init=False)

    @required.default
    def _is_required(self) -> bool:
        return self.default is attrs.NOTHING

    @inline.default
    def _inline(self) -> type | None:
        return self.shape.cls if self.field.inline and isinstance(self.shape, Model) else None


def camel_case(attribute: str) -> str:
    """The JSON key that an attribute has unless its field says otherwise: `source_labels` -> `sourceLabels`."""
    head, *rest = attribute.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


@cached
def slots(cls: type) -> tuple[Slot, ...]:
    """The field table of `cls` in declaration order.

    Raises TypeError, naming class and field, for a field without `Field` or of a type outside the closed set of shapes.
    """
    hints = get_type_hints(cls, include_extras=True)
    return tuple(_slot(cls, attribute, hints[attribute.name]) for attribute in attrs.fields(cls))


@cached
def keys(cls: type) -> frozenset[str]:
    """Every JSON key that `cls` reads, aliases and inline parts included."""
    own: set[str] = set()
    for slot in slots(cls):
        own |= keys(slot.inline) if slot.inline else {slot.key, *slot.field.aliases}
    return frozenset(own)


def _slot(cls: type, attribute: attrs.Attribute[Any], hint: Any) -> Slot:
    where = f"{cls.__name__}.{attribute.name}"
    field = next((x for x in getattr(hint, "__metadata__", ()) if isinstance(x, Field)), None)
    if field is None:
        raise TypeError(f"{where}: no Field in its annotation")
    default = attribute.default
    if (factory := getattr(default, "factory", None)) is not None:
        default = factory()
    config = attribute.name if field.config is None else field.config
    json_annotation = [x for x in hint.__metadata__ if isinstance(x, Json)]
    bare = Annotated[hint.__origin__, json_annotation[0]] if json_annotation else hint.__origin__
    return Slot(attribute.name, field.key or camel_case(attribute.name), config, _shape(bare, where), field, default)


def _shape(hint: Any, where: str) -> Shape:
    if get_origin(hint) is Annotated:
        return Passthrough(next(x for x in hint.__metadata__ if isinstance(x, Json)))
    if hint in (str, int, bool, float):
        return Scalar(hint)
    if attrs.has(hint):
        return Model(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _union([x for x in arguments if x is not type(None)], where)
    if origin is Literal:
        return Choice(arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return List(_shape(arguments[0], where))
    if origin is not None and issubclass(origin, Mapping) and arguments[0] is str:
        return Map(_shape(arguments[1], where))
    raise TypeError(f"{where}: {hint} is none of the shapes that a field can have")


def _union(members: list[Any], where: str) -> Shape:
    if len(members) == 1:
        return _shape(members[0], where)
    if set(members) == {int, str}:
        return IntOrString()
    if set(members) == {str, tuple[str, ...]}:
        return StringOrList()
    raise TypeError(f"{where}: a union of {members} is none of the shapes that a field can have")


@cached
def compiled(pattern: str) -> re.Pattern[str]:
    """`pattern`, compiled once."""
    return re.compile(pattern)

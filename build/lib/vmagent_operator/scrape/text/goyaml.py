"""YAML read as go-yaml v2 reads it, on top of PyYAML's parser.

Users write further jobs for vmagent, so `on` is a boolean, `017` is fifteen, and `1:30` and dates are text. Other than
go-yaml's own ordered maps, merge keys are resolved.

Source: https://github.com/go-yaml/yaml/blob/v2.4.0/resolve.go
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

import yaml
from attrs import define, field

from vmagent_operator.limits import YAML_ALIASES, YAML_CHARACTERS, YAML_NESTING, YAML_VALUES

TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
FALSE = frozenset(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
NULL = frozenset(("", "~", "null", "Null", "NULL"))

_LONGEST_NUMBER = 400
"""Digits; a float ends at 309, and Python's own limit for integers is 4,300."""
_INDENTATION = 2
"""Characters before a value for each level that it is nested in, as it will be written."""
_LIBYAML_NESTING = "exceeded maximum nesting depth"
"""What libyaml says, before it gives us anything to count, of more than 1,000 brackets in a row."""
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = "!plain"
_STRING = "tag:yaml.org,2002:str"
_BINARY = "tag:yaml.org,2002:binary"
_OCTAL = re.compile(r"[-+]?0[0-7]+")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class InvalidYAML(ValueError):  # noqa: N818
    """A text that go-yaml would refuse, or that nobody can have meant; the message says where."""


def load(text: str) -> Any:
    """The first document of `text`: dictionaries in the order of the text, lists, scalars; None if there is none.

    Raises InvalidYAML.
    """
    try:
        events = _events(text)
        first = next(events, None)
        return None if first is None else _Reader().value(_Composer(events).node(first))
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise InvalidYAML(YAML_NESTING.exceeded if _LIBYAML_NESTING in said else said) from None


def _events(text: str) -> Iterator[yaml.Event]:
    """What the first document consists of. Raises YAMLError, and InvalidYAML once it has too much of something."""
    event: Any
    depth = values = aliases = 0
    for event in yaml.parse(text, Loader=_PARSER):
        match event:
            case yaml.DocumentEndEvent():
                return
            case yaml.CollectionStartEvent():
                depth, values = depth + 1, values + 1
            case yaml.CollectionEndEvent():
                depth -= 1
            case yaml.ScalarEvent():
                values += 1
            case yaml.AliasEvent():
                aliases += 1
            case _:
                continue
        for count, limit in ((depth, YAML_NESTING), (values, YAML_VALUES), (aliases, YAML_ALIASES)):
            if count > limit:
                raise InvalidYAML(f"line {event.start_mark.line + 1}: {limit.exceeded}")
        yield event


@define
class _Composer:
    """Makes nodes of events. PyYAML's own refuses a document that uses an anchor twice; to go-yaml and to YAML the last one counts."""

    events: Iterator[yaml.Event]
    anchors: dict[str, yaml.Node] = field(factory=dict)

    def node(self, event: Any) -> yaml.Node:
        """The node that begins with `event`."""
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise InvalidYAML(f"line {mark.line + 1}: unknown anchor {event.anchor!r}")
            return self.anchors[event.anchor]
        made: yaml.Node
        if isinstance(event, yaml.ScalarEvent):
            sort = _PLAIN if event.implicit[0] else _STRING
            made = yaml.ScalarNode(event.tag if event.tag not in (None, "!") else sort, event.value, mark)
        elif isinstance(event, yaml.SequenceStartEvent):
            made = yaml.SequenceNode(event.tag or "", [], mark)
        else:
            made = yaml.MappingNode(event.tag or "", [], mark)
        if event.anchor is not None:
            self.anchors[event.anchor] = (
                made  # before what is in it, which may name it; the reader then ends at a limit
            )
        if isinstance(made, yaml.CollectionNode):
            self.fill(made)
        return made

    def fill(self, made: yaml.CollectionNode) -> None:
        """Take in everything up to the end of `made`."""
        while not isinstance(event := next(self.events), yaml.CollectionEndEvent):
            first = self.node(event)
            made.value.append((first, self.node(next(self.events))) if isinstance(made, yaml.MappingNode) else first)


def scalar(text: str) -> Any:
    """What go-yaml makes of a plain scalar; InvalidYAML for a number that no field can hold."""
    if text in NULL:
        return None
    if text in TRUE or text in FALSE:
        return text in TRUE
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    if len(digits) > _LONGEST_NUMBER and (_INTEGER.fullmatch(digits) or _FLOAT.fullmatch(digits)):
        raise InvalidYAML(f"a number of {len(digits)} digits")
    number: Any = text
    if _OCTAL.fullmatch(digits):
        number = int(digits, 8)
    elif _INTEGER.fullmatch(digits):
        number = int(digits, 0)
    elif special := _SPECIAL_FLOAT.fullmatch(text):
        number = float(f"{special[1] or ''}inf" if special[2] else "nan")
    if isinstance(number, int) and -(2**63) <= number < 2**64:
        return number
    return float(digits) if _FLOAT.fullmatch(digits) else number if isinstance(number, float) else text


@define
class _Reader:
    """Builds values from parsed nodes; counts them and their text down, because aliases can make much of little."""

    values: int = YAML_VALUES
    characters: int = YAML_CHARACTERS
    depth: int = 0

    def value(self, node: Any) -> Any:
        self.values -= 1
        self.characters -= _INDENTATION * self.depth + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
        if self.values < 0 or self.characters < 0:
            exceeded = YAML_VALUES if self.values < 0 else YAML_CHARACTERS
            raise InvalidYAML(f"line {node.start_mark.line + 1}: {exceeded.exceeded}, aliases followed")
        self.depth += 1
        found = self.collection(node) if isinstance(node, yaml.CollectionNode) else self.scalar(node)
        self.depth -= 1
        return found

    def collection(self, node: yaml.CollectionNode) -> Any:
        if self.depth > YAML_NESTING:
            raise InvalidYAML(f"line {node.start_mark.line + 1}: {YAML_NESTING.exceeded}, aliases followed")
        return self.mapping(node) if isinstance(node, yaml.MappingNode) else [self.value(item) for item in node.value]

    def scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag == _BINARY:
            return self.binary(node)
        try:
            return node.value if node.tag == _STRING else scalar(node.value)
        except InvalidYAML as error:
            raise InvalidYAML(f"line {node.start_mark.line + 1}: {error}") from None

    def mapping(self, node: yaml.MappingNode) -> dict[Any, Any]:
        own: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _PLAIN and key_node.value == "<<":
                merged = self.merged(value_node) | merged
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise InvalidYAML(f"line {key_node.start_mark.line + 1}: a key must be a scalar")
            key = self.value(key_node)
            if key in own:
                raise InvalidYAML(f"line {key_node.start_mark.line + 1}: key {key_node.value!r} is given twice")
            own[key] = self.value(value_node)
        return merged | own

    def merged(self, node: Any) -> dict[Any, Any]:
        """What a merge key brings in; of several mappings, earlier ones win."""
        found: dict[Any, Any] = {}
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(source, yaml.MappingNode):
                raise InvalidYAML(f"line {source.start_mark.line + 1}: only mappings can be merged")
            found = self.value(source) | found
        return found

    def binary(self, node: yaml.ScalarNode) -> str:
        try:
            return base64.b64decode(node.value, validate=False).decode(errors="surrogateescape")
        except binascii.Error:
            raise InvalidYAML(f"line {node.start_mark.line + 1}: no base64") from None

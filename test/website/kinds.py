"""A page for each kind with all its fields, from the tables of which CRDs and `kubectl explain` are made too.

A type that is used in one place only is described on the page of its kind, under the path of the field; one that several
fields share is described once, on the page of shared types. What Kubernetes defines is linked.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from test.website.tables import anchor, code, prose, table
from vmagent_operator.api.crd import structures
from vmagent_operator.api.kinds import KINDS, Kind
from vmagent_operator.identity import API_VERSION
from vmagent_operator.model.fields import (
    Choice,
    IntOrString,
    Keywords,
    List,
    Map,
    Model,
    Passthrough,
    Scalar,
    Shape,
    Slot,
    StringOrList,
    slots,
)
from vmagent_operator.model.openapi import schema

TYPES = "reference/types.md"
KUBERNETES = "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/"
AUTOSCALER = "https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/docs/api.md"
BOUNDS = {
    "enum": "One of {}.",
    "default": "Default {}.",
    "pattern": "Matches {}.",
    "minimum": "At least {}.",
    "maximum": "At most {}.",
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
    "minItems": "At least {} elements.",
    "maxItems": "At most {} elements.",
}
"""Keywords of a schema, and what they say."""
SPECS: Mapping[type, Kind[object]] = {kind.spec_class: kind for kind in KINDS}
WORDS: Mapping[type, str] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    float: "number",
    Choice: "string",
    IntOrString: "number or string",
    StringOrList: "string or list of strings",
}


def fields(cls: type) -> Iterator[Slot]:
    """The fields as they stand in an object: parts among those of their parent."""
    for slot in slots(cls):
        yield from fields(slot.inline) if slot.inline else (slot,)


def leaf(shape: Shape) -> Shape:
    """What a list or map is of in the end."""
    return leaf(shape.item) if isinstance(shape, List | Map) else shape


@define
class Reference:
    """Where each type is described."""

    uses: dict[type, set[tuple[type, str]]] = field(init=False, factory=lambda: defaultdict(set))
    texts: dict[str, list[str]] = field(init=False, factory=lambda: defaultdict(list))
    _done: set[type] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        for kind in KINDS:
            self._count(kind.spec_class)
            self._count(kind.status_class)

    def pages(self) -> Iterator[tuple[str, str]]:
        """All pages, each with its path."""
        for kind in KINDS:
            page = f"reference/{kind.singular}.md"
            self.texts[page].append(_head(kind))
            self._describe(kind.spec_class, page, "spec", "spec", 2)
            self._describe(kind.status_class, page, "status", "status", 2)
        for cls in sorted(self.uses, key=lambda each: each.__name__):
            if len(self.uses[cls]) > 1 and cls not in SPECS:
                self._describe(cls, TYPES, cls.__name__.lower(), cls.__name__, 2)
        self.texts[TYPES].insert(0, "# Shared types\n\nWhat several fields have in common.\n\n")
        yield from ((page, "".join(texts)) for page, texts in self.texts.items())

    def _count(self, cls: type) -> None:
        for slot in fields(cls):
            shape = leaf(slot.shape)
            if isinstance(shape, Model):
                is_new = shape.cls not in self.uses
                self.uses[shape.cls].add((cls, slot.key))
                if is_new:
                    self._count(shape.cls)

    def _describe(self, cls: type, page: str, address: str, title: str, level: int) -> None:
        """A section about `cls`, and those about what only it uses."""
        properties = schema(cls, structures()).get("properties", {})
        summary, _, source = (cls.__doc__ or "").partition("Source: ")
        about = f"{prose(summary.split(chr(10) * 2)[0])}{f' [More]({source.split()[0]}).' if source else ''}\n\n"
        heading = address if level == 2 else f"{address}.fields"
        self.texts[page].append(f"{'#' * level} {title} {{ #{heading} }}\n\n{about}")
        shown = sorted(fields(cls), key=lambda slot: slot.key)
        rows = (
            _row(slot, properties[slot.key], address, self._type(slot.shape, page, address, slot)) for slot in shown
        )
        self.texts[page].append(table("Field, Type, Meaning", rows))
        for slot in shown:
            shape = leaf(slot.shape)
            if isinstance(shape, Model) and len(self.uses[shape.cls]) == 1 and shape.cls not in SPECS:
                self._describe(shape.cls, page, f"{address}.{slot.key}", f"{title}.{slot.key}", 3)

    def _type(self, shape: Shape, page: str, address: str, slot: Slot) -> str:
        match shape:
            case List(item=item):
                return f"list of {_plural(self._type(item, page, address, slot))}"
            case Map(item=item):
                return f"map of {_plural(self._type(item, page, address, slot))}"
            case Model(cls=cls) if cls in SPECS:
                return f"[spec of a {SPECS[cls].name}]({SPECS[cls].singular}.md#spec)"
            case Model(cls=cls) if len(self.uses[cls]) > 1:
                return f"[{cls.__name__}]({'' if page == TYPES else 'types.md'}#{cls.__name__.lower()})"
            case Model(cls=cls):
                return f"[{cls.__name__}](#{address}.{slot.key}.fields)"
            case Passthrough(json=json):
                return _external(json.name)
            case Scalar(type=scalar):
                return WORDS[scalar]
        return WORDS[type(shape)]


def _plural(kind: str) -> str:
    return f"{kind}s" if kind in WORDS.values() else kind


def _external(name: str) -> str:
    """A link to what Kubernetes says of a type with this OpenAPI name."""
    if not name:
        return "object"
    *group, version, kind = name.removeprefix("io.k8s.").removesuffix(".whole").split(".")
    if group == ["autoscaling"]:
        return f"[{kind}]({AUTOSCALER})"
    return f"[{kind}]({KUBERNETES}#{kind.lower()}-{version}-{group[-1]})"


def _row(slot: Slot, keywords: Keywords, address: str, kind: str) -> tuple[str, str, str]:
    said = [prose(slot.field.doc)] if slot.field.doc else []
    said += ["**Required.**"] if slot.required else []
    inner: dict[str, Any] = {**keywords.get("items", {}), **keywords} if "properties" not in keywords else {}
    for key, text in BOUNDS.items():
        if key in inner and not (key == "pattern" and isinstance(leaf(slot.shape), Passthrough)):
            values = inner[key] if isinstance(inner[key], list) else [inner[key]]
            said.append(text.format(", ".join(code(value) for value in values)))
    said += [f"Also read as {code(alias)}." for alias in slot.field.aliases]
    return anchor(f"{address}.{slot.key}", slot.key), kind, " ".join(said)


def _head(kind: Kind[object]) -> str:
    names = ", ".join(f"`{name}`" for name in (kind.plural, kind.singular, kind.short) if name)
    columns = ", ".join(column.name for column in kind.columns)
    return (
        f"# {kind.name}\n\n`apiVersion: {API_VERSION}`, `kind: {kind.name}`. For kubectl: {names}; "
        f"`kubectl get` shows {columns}.\n\n"
    )

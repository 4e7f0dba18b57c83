"""Contents of Secrets and ConfigMaps, as text in the configuration or as files that are mounted beside it.

Everything that is looked up comes from one snapshot, `SecretSnapshot`; a `SecretResolver` looks it up for one namespace and
collects the files. A resolver belongs to one object: its files count only if the whole object succeeds.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Literal

from attrs import field, frozen

from vmagent_operator.api.core import ConfigMapKeySelector, SecretKeySelector
from vmagent_operator.api.relabel import NULL_TEXTS
from vmagent_operator.limits import ASSET_CHARACTERS, ASSET_KEY_CHARACTERS, CREDENTIAL_CHARACTERS, Limit
from vmagent_operator.model.walk import walk
from vmagent_operator.scrape.checks import placeholder

Selector = SecretKeySelector | ConfigMapKeySelector
SELECTORS = frozenset((SecretKeySelector, ConfigMapKeySelector))
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

_DIGEST_CHARACTERS = 32
"""128 bits: nobody finds a second name with the same."""


class Missing(LookupError):  # noqa: N818
    """A reference that leads to nothing usable; the text names object and key. `selector` is where it was come from, if known,
    and `reference` what is not there, or lacks the key."""

    selector: "Selector | None" = None
    reference: "Reference | None" = None


@frozen(order=True)
class Reference:
    """A Secret or ConfigMap that something refers to."""

    kind: Literal["Secret", "ConfigMap"]
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.namespace}/{self.name}"


@frozen(eq=False)
class SecretSnapshot:
    """The referenced Secrets and ConfigMaps of one snapshot: key -> text, or None for an object that does not exist.

    Bytes that are no UTF-8 appear as lone surrogates (`surrogateescape`). With `trim`, texts lose white space at their end.
    """

    found: Mapping[Reference, Mapping[str, str] | None]
    trim: bool = field(default=True, kw_only=True)

    def text(self, reference: Reference, key: str) -> str:
        """The text under `key`; Missing if there is no such object or key."""
        if not reference.name:
            raise Missing(f"reference to a {reference.kind.lower()} without a name")
        content = self.found.get(reference)
        if content is None:
            raise _missing(reference, "not found")
        if key not in content:
            raise _missing(reference, f'has no key "{key}"')
        return content[key].rstrip(_SPACE) if self.trim else content[key]

    def entries(self, keys: Iterable[tuple[Reference, str]]) -> tuple[object, ...]:
        """What there is under these keys: equal entries are equal texts, or equal reasons why there are none."""
        contents = ((self.found.get(reference), key) for reference, key in keys)
        return (self.trim, *(None if content is None else (content.get(key),) for content, key in contents))


def _missing(reference: Reference, why: str) -> Missing:
    missing = Missing(f"{reference} {why}")
    missing.reference = reference
    return missing


@frozen(eq=False)
class SecretResolver:
    """Looks selectors up in one namespace and collects what is to be mounted in `directory`: asset key -> text.

    denies_placeholders: whether vmagent must find nothing to fill in in the texts that stand in the configuration itself.
    """

    snapshot: SecretSnapshot
    namespace: str
    assets: dict[str, str] = field(factory=dict)
    directory: str = field(default="", kw_only=True)
    denies_placeholders: bool = field(default=False, kw_only=True)

    def text(self, selector: Selector) -> str:
        """The text that a selector points at. Raises Missing."""
        try:
            return self.snapshot.text(_reference(selector, self.namespace), selector.key)
        except Missing as missing:
            missing.selector = selector
            raise

    def value(self, selector: Selector) -> str:
        """The text that stands in the configuration itself.

        Raises Missing, also for a text that vmagent takes for no text at all, and then refuses the whole file, and for one
        with a placeholder that must not be.
        """
        text = self._limited(selector, CREDENTIAL_CHARACTERS)
        fault = "a word that vmagent reads as null" if text in NULL_TEXTS else None
        if fault := fault or placeholder.fault(text, denied=self.denies_placeholders):
            raise self._unusable(selector, f"holds {fault}")
        return text

    def path(self, selector: Selector) -> str:
        """The path of a mounted file with the text."""
        key = self._asset(selector)
        if key not in self.assets:
            self.assets[key] = self._limited(selector, ASSET_CHARACTERS)
        return f"{self.directory}/{key}"

    def mounted(self, selector: Selector | None) -> str:
        """The text of a file that `path` was asked for; empty for any other."""
        return "" if selector is None else self.assets.get(self._asset(selector), "")

    def _asset(self, selector: Selector) -> str:
        reference = _reference(selector, self.namespace)
        kind = "configmap_" if reference.kind == "ConfigMap" else ""
        key = f"{self.namespace}_{kind}{reference.name}_{selector.key}"
        return key if len(key) <= ASSET_KEY_CHARACTERS else _shortened(key)

    def _limited(self, selector: Selector, limit: Limit) -> str:
        """The text, if it is not too long. Raises Missing."""
        text = self.text(selector)
        if len(text) > limit:
            raise self._unusable(selector, f"holds {limit.exceeded}")
        return text

    def _unusable(self, selector: Selector, why: str) -> Missing:
        missing = Missing(f'{_reference(selector, self.namespace)} key "{selector.key}" {why}')
        missing.selector = selector
        return missing


def _shortened(key: str) -> str:
    """An asset key that a Secret may have; namespace and the most of the rest stay to be seen."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{key[: ASSET_KEY_CHARACTERS - _DIGEST_CHARACTERS - 1]}_{digest}"


def references(value: object, namespace: str) -> frozenset[Reference]:
    """Every Secret and ConfigMap that a model, or a part of it, refers to by name from within `namespace`."""
    found = walk(value, "", SELECTORS)
    return frozenset(_reference(selector, namespace) for _, selector in found if selector.name)


def keys(value: object, namespace: str) -> frozenset[tuple[Reference, str]]:
    """Every key of a Secret or ConfigMap that a model refers to, in the same way."""
    found = walk(value, "", SELECTORS)
    return frozenset((_reference(selector, namespace), selector.key) for _, selector in found if selector.name)


def _reference(selector: Selector, namespace: str) -> Reference:
    kind: Literal["Secret", "ConfigMap"] = "Secret" if isinstance(selector, SecretKeySelector) else "ConfigMap"
    return Reference(kind, namespace, selector.name)

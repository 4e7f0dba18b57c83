"""The jobs of an object for people to look at: as a reconcile would write them, without a secret in them.

No Secret is read for it: every text that an object refers to is a mask, and so is what objects say outright where
credentials usually stand.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml
from attrs import evolve, frozen

from vmagent_operator.api.kinds import ScrapeObject
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.errors import Finding
from vmagent_operator.scrape.fragment import fragment
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.scrape.text import emit

MASK = "<masked>"
LONGEST_TEXT = 64 * 1024
"""Bytes of jobs that are read again to be masked; nobody looks at more."""
_HEADERS = frozenset({"headers", "proxy_headers"})
"""Lists of a name and a value in one text each; the value is where users write tokens."""
_OPEN = frozenset({"params", "endpoint_params"})
"""Names and values of which any may be a token."""
_NAMED = re.compile(
    r"password|passwd|secret|token|credential|(?:api|access|application|consumer)_?key|^__param_", re.IGNORECASE
)
_SCHEMES = frozenset({"type"})
"""Of an authorization: one word, unless somebody has put the credentials behind it."""
_EXPRESSIONS = frozenset({"regex", "if"})
"""Texts in which `?` and `@` mean something else."""


@frozen
class _Masks(SecretSnapshot):
    """A snapshot in which everything is there, and says nothing."""

    def text(self, reference: Reference, key: str) -> str:
        return MASK


def jobs(owner: ScrapeOwner, obj: ScrapeObject) -> str:
    """The jobs that `owner` has of `obj` as YAML; a comment that says why, if they cannot be shown."""
    # A context of its own: what is masked must not be taken for what was rendered for vmagent.
    made = fragment(obj, evolve(context(owner)), _Masks({}))
    if isinstance(made, Finding):
        return f"# not shown without what Secrets hold: {made.message}\n"
    if len(made.entry.text) > LONGEST_TEXT:
        return f"# {len(made.names)} jobs of together {len(made.entry.text)} bytes: too long to show\n"
    return "".join(emit.item(_masked(job, "")) for job in yaml.load(made.entry.text, yaml.CSafeLoader))


def _masked(value: Any, key: str) -> Any:
    if key in _HEADERS and isinstance(value, list):
        return [f"{str(each).partition(':')[0]}: {MASK}" for each in value]
    if key in _OPEN or (_NAMED.search(key) and not key.endswith("_file")):
        return _hidden(value)
    if isinstance(value, Mapping):
        is_parameter = str(value.get("target_label", "")).startswith("__param_")
        hidden = {"replacement": MASK} if is_parameter and "replacement" in value else {}
        return {name: _masked(each, str(name)) for name, each in value.items()} | hidden
    if isinstance(value, list):
        return [_masked(each, "") for each in value]
    if key in _SCHEMES and " " in str(value):
        return MASK
    return _plain(value) if isinstance(value, str) and key not in _EXPRESSIONS else value


def _plain(text: str) -> str:
    """A text without what URLs hold of credentials: who asks, and what for."""
    return " ".join(map(_bare, text.split(" ")))


def _bare(word: str) -> str:
    user, at, host = word.rpartition("@")
    if at:
        scheme, slashes, _ = user.partition("//") if "//" in user else ("", "", "")
        word = f"{scheme}{slashes}{MASK}@{host}"
    path, mark, _ = word.partition("?")
    return f"{path}?{MASK}" if mark else word


def _hidden(value: Any) -> Any:
    """The names of what is there, and masks for what it says."""
    if isinstance(value, Mapping):
        return {name: _hidden(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each) for each in value]
    return MASK

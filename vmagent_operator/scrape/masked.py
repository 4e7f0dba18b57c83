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
_OPEN = frozenset({"headers", "params", "endpoint_params", "proxy_headers"})
"""Where users write tokens as plain text."""
_NAMED = re.compile(r"password|passwd|secret|token|credential|api_?key|access_?key", re.IGNORECASE)
_USER = re.compile(r"(?<=//)[^/@\s]+@")


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
    if key in _OPEN or (_NAMED.search(key) and not key.endswith("_file")):
        return _hidden(value)
    if isinstance(value, Mapping):
        return {name: _masked(each, str(name)) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, "") for each in value]
    return _USER.sub(f"{MASK}@", value) if isinstance(value, str) else value


def _hidden(value: Any) -> Any:
    """The names of what is there, and masks for what it says."""
    if isinstance(value, Mapping):
        return {name: _hidden(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each) for each in value]
    # A header is a name and a value in one text.
    name, colon, _ = value.partition(":") if isinstance(value, str) else ("", "", "")
    return f"{name}: {MASK}" if colon else MASK

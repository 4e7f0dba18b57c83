"""Which scrape jobs join, leave or change, read out of the Secrets that hold them. Pure."""

import base64
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml
from attrs import field, frozen

from vmagent_operator.controller.steps.leftout import Name
from vmagent_operator.desired.around.configsecret import OVERFLOW_KEY
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.kube.write.ownership import describe
from vmagent_operator.limits import INFLATED_BYTES


@frozen(kw_only=True)
class JobChanges:
    """What becomes of the jobs of one owner: names that join and leave, and for those that change which keys do."""

    owner: str
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    changing: Mapping[str, tuple[str, ...]] = field(factory=dict)
    settings: tuple[str, ...] = ()
    """Keys of the global section that change: they are those of every job."""


def owner_of(secret: Manifest) -> str:
    """Whose jobs a Secret holds: `VMAgent monitoring/main`."""
    for reference in secret["metadata"].get("ownerReferences") or ():
        return f"{reference['kind']} {secret['metadata']['namespace']}/{reference['name']}"
    return describe(secret)


def holds_jobs(key: str) -> bool:
    """Whether the data at this key of a Secret are jobs."""
    return key == OVERFLOW_KEY or key.endswith(".yaml.gz")


def job_changes(owner: str, before: Mapping[Name, Manifest], after: Mapping[Name, Manifest]) -> JobChanges:
    """What becomes of the jobs in the Secrets of an owner."""
    texts = [[text for name in sorted(each) for text in _texts(each[name])] for each in (before, after)]
    if texts[0] == texts[1]:
        return JobChanges(owner=owner)
    (old, old_global), (new, new_global) = (_read(each) for each in texts)
    return JobChanges(
        owner=owner,
        joining=tuple(sorted(new.keys() - old.keys())),
        leaving=tuple(sorted(old.keys() - new.keys())),
        changing={
            name: tuple(_keys(old[name], new[name]))
            for name in sorted(old.keys() & new.keys())
            if old[name] != new[name]
        },
        settings=tuple(_keys(old_global, new_global)) if old and new else (),
    )


def _keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _texts(secret: Manifest) -> Iterator[str]:
    for key, value in sorted((secret.get("data") or {}).items()):
        if holds_jobs(key):
            try:
                unpacked = zlib.decompressobj(zlib.MAX_WBITS + 16).decompress(base64.b64decode(value), INFLATED_BYTES)
            except (ValueError, zlib.error):
                continue  # a user's own
            yield unpacked.decode("utf-8", "replace")


def _read(texts: Iterable[str]) -> tuple[dict[str, Mapping[str, Any]], Mapping[str, Any]]:
    """Jobs by name, and the global section."""
    jobs: dict[str, Mapping[str, Any]] = {}
    settings: Mapping[str, Any] = {}
    for text in texts:
        try:
            document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError:
            continue
        if isinstance(document, dict):
            settings = document.get("global") or settings
            document = document.get("scrape_configs")
        for job in document if isinstance(document, list) else ():
            if isinstance(job, dict) and "job_name" in job:
                jobs[str(job["job_name"])] = job
    return jobs, settings

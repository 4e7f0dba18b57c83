"""What there is to tell about a cluster: lines out of two snapshots of it, without a look at either cluster or clock."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from vmagent_operator.api.kinds import OWNER_KINDS, SCRAPE_KINDS, VMAGENT
from vmagent_operator.identity import CONDITION_SUFFIX
from vmagent_operator.kube.resource import Manifest

Key = tuple[str, str, str]
"""Kind, namespace and name."""
State = Mapping[Key, Manifest]
OWNERS = {kind.name: kind for kind in OWNER_KINDS}
SCRAPES = tuple(kind.name for kind in SCRAPE_KINDS)
WORKLOADS = {"Deployment": "readyReplicas", "StatefulSet": "readyReplicas", "DaemonSet": "numberReady"}
"""Kinds with a line of their own, and where their statuses count pods."""
SETTLED = ("operational", "failed", "paused")
NOT_CONTENT = ("resourceVersion", "managedFields", "generation")
NOTHING: Manifest = {}


@frozen
class Line:
    """Something to tell: what it is about, a state ("" if it has none), and the rest."""

    subject: str
    state: str
    text: str


def is_settled(state: State) -> bool:
    """Whether every owner has come to rest, and each scrape object has a status."""
    owners = [owner for (kind, *_), owner in state.items() if kind in OWNERS]
    others = [_state(manifest) for (kind, *_), manifest in state.items() if kind in SCRAPES]
    return bool(owners) and all(_state(owner) in SETTLED for owner in owners) and "new" not in others


def agents(state: State) -> list[Line]:
    """A line an agent: its state and what it scrapes."""
    return [
        Line(f"{key[1]}/{key[2]}", _state(agent), _described(state, key))
        for key, agent in sorted(state.items())
        if key[0] == VMAGENT.name
    ]


def databases(state: State) -> list[Line]:
    """A line for each owner that keeps what agents send."""
    return [
        Line(_subject(key), _state(owner), _described(state, key))
        for key, owner in sorted(state.items())
        if key[0] in OWNERS and key[0] != VMAGENT.name
    ]


def scrapes(state: State) -> list[Line]:
    """A line for each scrape object that is not simply scraped."""
    return [
        Line(_subject(key), _state(manifest), _reason(manifest))
        for key, manifest in sorted(state.items())
        if key[0] in SCRAPES and _state(manifest) != "operational"
    ]


def made(state: State) -> str:
    """How many objects of which kind there are besides what users write."""
    children = [(kind, manifest) for (kind, *_), manifest in state.items() if kind not in OWNERS]
    return counted(
        kind for kind, manifest in children if kind not in SCRAPES or "ownerReferences" in manifest["metadata"]
    )


def counted(kinds: Iterable[str]) -> str:
    """`2 Secrets, 1 Service`."""
    return ", ".join(f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in sorted(Counter(kinds).items()))


def changes(before: State, after: State) -> Iterator[Line]:
    """What has happened: owners first, then scrape objects, then workloads, then the rest in one line."""
    keys = sorted({*before, *after})
    groups = (tuple(OWNERS), SCRAPES, tuple(WORKLOADS))
    for group in groups:
        for key in (key for key in keys if key[0] in group):
            yield from _change(key, before, after)
    rest = [key for key in keys if not any(key[0] in group for group in groups)]
    words: dict[str, list[str]] = {"made": [], "made again": [], "changed": [], "gone": []}
    for key in rest:
        if (word := _happened(before.get(key), after.get(key))) in words:
            words[word].append(key[0])
    if told := "; ".join(f"{counted(kinds)} {word}" for word, kinds in words.items() if kinds):
        yield Line("also", "", told)


def _change(key: Key, before: State, after: State) -> Iterator[Line]:
    """A line about one object, if there is anything to tell of it."""
    old, new = before.get(key), after.get(key)
    word, told = _happened(old, new), _told(key, after, new)
    if not word and told == _told(key, before, old):
        return
    state, text = told
    if new is None:
        yield Line(_subject(key), "gone", "")
    else:
        yield Line(_subject(key), state, "; ".join(filter(None, (word, text))))


def _told(key: Key, state: State, manifest: Manifest | None) -> tuple[str, str]:
    if manifest is None:
        return "", ""
    kind = key[0]
    if kind in OWNERS:
        return _state(manifest), _described(state, key)
    if kind in WORKLOADS:
        return "", _pods(kind, manifest)
    return _state(manifest), _reason(manifest) or _by(manifest)


def _happened(old: Manifest | None, new: Manifest | None) -> str:
    """What became of an object; "" if nothing but its status or nothing at all has changed."""
    if new is None:
        return "gone" if old else ""
    if old is None:
        return "made"
    if old["metadata"].get("uid") != new["metadata"].get("uid"):
        return "made again"
    if new["metadata"].get("deletionTimestamp") and not old["metadata"].get("deletionTimestamp"):
        return "being deleted"
    if old["metadata"].get("labels") != new["metadata"].get("labels"):
        return "relabelled"
    return "changed" if _content(old) != _content(new) else ""


def _content(manifest: Manifest) -> Mapping[str, Any]:
    return {key: value for key, value in manifest.items() if key not in ("metadata", "status")}


def _state(manifest: Manifest) -> str:
    if manifest["metadata"].get("deletionTimestamp"):
        return "leaving"
    return str((manifest.get("status") or NOTHING).get("updateStatus") or "new")


def _reason(manifest: Manifest) -> str:
    return str((manifest.get("status") or NOTHING).get("reason") or "")


def _pods(kind: str, manifest: Manifest) -> str:
    status = manifest.get("status") or NOTHING
    wanted = status.get("desiredNumberScheduled") if kind == "DaemonSet" else manifest["spec"].get("replicas", 1)
    return f"{status.get(WORKLOADS[kind], 0)} of {wanted or 0} pods ready"


def _owners(manifest: Manifest) -> dict[tuple[str, str, str], bool]:
    """By the key of an owner that selects a scrape object: whether it scrapes it."""
    found = {}
    for one in (manifest.get("status") or NOTHING).get("conditions") or ():
        for kind in OWNER_KINDS:
            if (owner := one["type"].removesuffix(f".{kind.singular}{CONDITION_SUFFIX}")) != one["type"]:
                name, _, namespace = owner.rpartition(".")
                found[kind.name, namespace, name] = one["status"] == "True"
    return found


def _by(manifest: Manifest) -> str:
    names = [
        name if kind == VMAGENT.name else f"{kind} {name}"
        for (kind, _, name), is_applied in sorted(_owners(manifest).items())
        if is_applied
    ]
    return f"scraped by {', '.join(names)}" if names else ""


def _described(state: State, key: Key) -> str:
    """What an owner scrapes, or why it is not yet clear; that it stores, if it does."""
    owner, is_agent = state[key], key[0] == VMAGENT.name
    if _state(owner) == "failed":
        return _reason(owner)
    given = owner.get("spec") or NOTHING
    if not is_agent and given.get("ingestOnlyMode") is not False:
        return "stores what it is sent"
    if not any(name == "selectAllByDefault" or _selects(name) for name in given):
        return "scrapes what you write into its Secret"
    found = [kind for (kind, *_), manifest in state.items() if kind in SCRAPES and _owners(manifest).get(key)]
    return f"{'' if is_agent else 'stores what it is sent, and '}scrapes {counted(found) or 'nothing'}"


def _selects(key: str) -> bool:
    return key.endswith("Selector") and key not in ("nodeSelector", "securityContextSelector")


def _subject(key: Key) -> str:
    return f"{key[0]} {'/'.join(filter(None, key[1:]))}"

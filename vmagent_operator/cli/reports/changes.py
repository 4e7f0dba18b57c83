"""What would change in a cluster: objects, their fields, which pods restart and why, and which jobs join, leave or change. Pure.

`diff` and a dry run fill a `Changes` with pairs of what is wanted and what is there; it is one table for both. No value of
a Secret or ConfigMap is ever shown.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from attrs import define, field, frozen

from vmagent_operator.api.kinds import BY_NAME
from vmagent_operator.cli.reports.jobs import JobChanges, holds_jobs, job_changes, owner_of
from vmagent_operator.controller.engine.owners import FIELD_MANAGER
from vmagent_operator.controller.steps.leftout import Name, name_of
from vmagent_operator.desired.workload.workload import WORKLOADS
from vmagent_operator.kube.resource import Json, Manifest
from vmagent_operator.kube.write import diff
from vmagent_operator.kube.write.managedfields import NO_MIGRATION, Migration

Action = Literal["create", "change", "recreate", "delete"]
MARKS: Mapping[Action, str] = {"create": "+", "change": "~", "recreate": "!", "delete": "-"}
_TEMPLATE = "spec.template"
_STEP = re.compile(r"\[([^\]]*)\]|([^.\[]+)")
_KEYS = ("name", "mountPath", "containerPort", "port", "key", "uid", "ip", "type")
_SILENT = ("Secret", "ConfigMap")
"""Kinds of which no value is shown."""


@frozen
class FieldChange:
    """One field that changes, with its values where they may be seen; None for one that is not there."""

    path: str
    before: Json = None
    after: Json = None


@frozen(kw_only=True)
class Change:
    """What becomes of one object."""

    action: Action
    name: Name
    fields: tuple[FieldChange, ...] = ()

    @property
    def title(self) -> str:
        """`Deployment monitoring/vmagent-main`."""
        kind, namespace, name = self.name
        return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"

    @property
    def restart(self) -> str:
        """Why the pods of a workload restart; "" if they do not, or there are none."""
        at = [each.path for each in self.fields if each.path.startswith(_TEMPLATE)]
        if self.name[0] not in WORKLOADS or self.action not in ("change", "recreate") or not at:
            return ""
        return ", ".join(path.removeprefix(f"{_TEMPLATE}.") for path in at)


@define
class Changes:
    """The table as it is filled. problems: what keeps an owner from being written, a line each."""

    objects: dict[Name, Change] = field(factory=dict)
    problems: list[str] = field(factory=list)
    _before: dict[str, dict[Name, Manifest]] = field(factory=dict)
    _after: dict[str, dict[Name, Manifest]] = field(factory=dict)

    def put(self, wanted: Manifest, live: Manifest | None, migration: Migration = NO_MIGRATION) -> None:
        """An object that we apply."""
        self._note(wanted, live)
        step = diff.step(wanted, live, FIELD_MANAGER, migration)
        if step is None:
            return
        if live is None:
            self.objects[name_of(wanted)] = Change(action="create", name=name_of(wanted))
            return
        paths = {each.path for each in diff.differences(step.manifest, live, FIELD_MANAGER) if each.value}
        if paths:
            action: Action = "recreate" if step.action == "recreate" else "change"
            fields = tuple(_changed(path, live, step.manifest) for path in sorted(paths))
            self.objects[name_of(wanted)] = Change(action=action, name=name_of(wanted), fields=fields)

    def edit(self, wanted: Manifest, live: Manifest | None) -> None:
        """An object that its author applies: of one of our kinds all counts that is there, of another what is written."""
        if live is None:
            self.objects[name_of(wanted)] = Change(action="create", name=name_of(wanted))
            return
        if wanted["kind"] not in BY_NAME:
            live = {**_within(live, wanted), "metadata": _within(live["metadata"], wanted["metadata"])}
        keys = ("labels", "annotations")
        before, after = ({key: each["metadata"].get(key) or {} for key in keys} for each in (live, wanted))
        ignored = "kubectl.kubernetes.io/last-applied-configuration"
        before["annotations"] = {key: text for key, text in before["annotations"].items() if key != ignored}
        fields = [*_plain(before, after, "metadata")]
        for key in sorted((live.keys() | wanted.keys()) - {"apiVersion", "kind", "metadata", "status"}):
            fields += _plain(live.get(key), wanted.get(key), key)
        if fields:
            shown = [FieldChange(each.path) if wanted["kind"] in _SILENT else each for each in fields]
            self.objects[name_of(wanted)] = Change(action="change", name=name_of(wanted), fields=tuple(shown))

    def remove(self, live: Manifest) -> None:
        """An object that we delete."""
        self._note(None, live)
        self.objects[name_of(live)] = Change(action="delete", name=name_of(live))

    def keep(self, live: Manifest) -> None:
        """An object that stays as it is."""
        self._note(live, live)

    @property
    def restarts(self) -> tuple[Change, ...]:
        """The workloads whose pods restart."""
        return tuple(each for each in self._ordered() if each.restart)

    @property
    def jobs(self) -> tuple[JobChanges, ...]:
        """What becomes of jobs, by owner; only those of which anything does."""
        found = (
            job_changes(owner, self._before.get(owner, {}), self._after.get(owner, {}))
            for owner in sorted(self._before.keys() | self._after.keys())
        )
        return tuple(each for each in found if each.joining or each.leaving or each.changing or each.settings)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not self.objects and not self.problems

    def _note(self, wanted: Manifest | None, live: Manifest | None) -> None:
        """Remember what may hold jobs."""
        for held, where in ((live, self._before), (wanted, self._after)):
            if held is not None and held["kind"] == "Secret" and any(map(holds_jobs, held.get("data") or {})):
                where.setdefault(owner_of(held), {})[name_of(held)] = held

    def _ordered(self) -> list[Change]:
        return [self.objects[name] for name in sorted(self.objects, key=lambda name: (name[1], name[0], name[2]))]

    def lines(self) -> Iterator[str]:
        """The table for people."""
        if self.is_empty:
            yield "nothing changes"
            return
        for change in self._ordered():
            yield f"{MARKS[change.action]} {change.title}{_ENDINGS.get(change.action, '')}"
            for each in change.fields:
                yield from _shown(each)
        if self.objects:
            yield ""
            yield from self._pods()
            yield from self._jobs()
        for problem in self.problems:
            yield ""
            yield f"! {problem}"

    def _pods(self) -> Iterator[str]:
        if not self.restarts:
            yield "Pods restart: no"
        for change in self.restarts:
            yield f"Pods restart: yes, {change.title}"
            yield from _wrapped(change.restart)
        for change in self._ordered():
            if change.name[0] in WORKLOADS and change.action in ("create", "delete"):
                yield f"Pods {'start' if change.action == 'create' else 'stop'}: {change.title}"

    def _jobs(self) -> Iterator[str]:
        for each in self.jobs:
            counts = ((len(each.joining), "join"), (len(each.leaving), "leave"), (len(each.changing), "change"))
            said = ", ".join(f"{count} {verb}{'s' if count == 1 else ''}" for count, verb in counts if count)
            yield f"Jobs of {each.owner}: {said or 'all change'}"
            if each.settings:
                yield f"  global: {', '.join(each.settings)}"
            marked = {**dict.fromkeys(each.leaving, "-"), **dict.fromkeys(each.joining, "+")}
            marked |= dict.fromkeys(each.changing, "~")
            for name in sorted(marked):
                keys = each.changing.get(name)
                yield f"  {marked[name]} {name}" + (f": {', '.join(keys)}" if keys else "")

    def structured(self) -> Manifest:
        """The same for programs."""
        return {
            "objects": [
                {
                    "action": each.action,
                    **dict(zip(("kind", "namespace", "name"), each.name, strict=True)),
                    "fields": [{"path": one.path, "before": one.before, "after": one.after} for one in each.fields],
                    **({"podsRestart": bool(each.restart), "why": each.restart} if each.name[0] in WORKLOADS else {}),
                }
                for each in self._ordered()
            ],
            "jobs": [
                {
                    "owner": each.owner,
                    "join": list(each.joining),
                    "leave": list(each.leaving),
                    "change": {name: list(keys) for name, keys in each.changing.items()},
                    "global": list(each.settings),
                }
                for each in self.jobs
            ],
            "problems": list(self.problems),
        }


_ENDINGS: Mapping[Action, str] = {"recreate": " (deleted and made again)"}


def _changed(path: str, live: Manifest, wanted: Manifest) -> FieldChange:
    if live["kind"] in _SILENT:
        return FieldChange(path)
    return FieldChange(path, _at(live, path), _at(wanted, path))


def _at(manifest: Json, path: str) -> Json:
    """The value at a path as `differences` spells it: items of lists by what names them, or by their place."""
    for inner, name in _STEP.findall(path):
        if isinstance(manifest, dict):
            manifest = manifest.get(inner or name)
        elif isinstance(manifest, list):
            named = [
                each for each in manifest if isinstance(each, dict) and inner in [str(each.get(key)) for key in _KEYS]
            ]
            by_place = manifest[int(inner) :][:1] if inner.isdigit() else []
            manifest = next(iter(named or by_place), None)
        else:
            return None
    return manifest


def _plain(before: Json, after: Json, path: str) -> Iterator[FieldChange]:
    """Where two values differ; lists of another length as a whole. null is absent."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _plain(
                before.get(key), after.get(key), f"{path}.{key}" if key.isidentifier() else f"{path}[{key}]"
            )
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from _plain(*pair, f"{path}[{index}]")
    elif before or after or type(before) is type(after):
        yield FieldChange(path, before, after)


def _within(before: Json, after: Json) -> Json:
    """What `before` says of the fields that `after` has."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {key: _within(value, after[key]) for key, value in before.items() if key in after}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [*map(_within, before, after)]
    return before


def _shown(each: FieldChange) -> Iterator[str]:
    before, after = each.before, each.after
    if before is None and after is None:
        yield f"    {each.path}"
    elif _is_scalar(before) and _is_scalar(after):
        line = f"    {each.path}: {_word(before)} -> {_word(after)}"
        if len(line) <= 80:
            yield line
        else:
            yield f"    {each.path}:"
            yield f"      - {_word(before)}"
            yield f"      + {_word(after)}"
    elif isinstance(before, list) and isinstance(after, list):
        yield f"    {each.path}:"
        yield from (f"      - {_word(item)}" for item in before if item not in after)
        yield from (f"      + {_word(item)}" for item in after if item not in before)
    else:
        yield f"    {each.path}: {_word(before)} -> {_word(after)}"


def _is_scalar(value: Json) -> bool:
    return not isinstance(value, dict | list)


def _word(value: Json) -> str:
    """A value in few words."""
    if value is None:
        return "(none)"
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(
                f"{key}: ..." if isinstance(each, dict | list) else f"{key}: {each}" for key, each in value.items()
            )
            + "}"
        )
    if isinstance(value, list):
        return f"[{len(value)} item{'s' if len(value) != 1 else ''}]"
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'


def _wrapped(text: str) -> Iterator[str]:
    """A list with commas on lines of 80 columns."""
    line = "  because of"
    for word in text.split(", "):
        if len(line) + len(word) > 78:
            yield line
            line = "   "
        line += f" {word},"
    yield line.rstrip(",")

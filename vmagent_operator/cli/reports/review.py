"""Everything in manifests that a reconcile would refuse or warn of, with file and line: what `lint` shows, and `render` beside its output.

What is looked for is decided by the functions of a reconcile; here it only gets its place and the way out of it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from attrs import define, evolve, field, frozen

from vmagent_operator.api.kinds import BY_NAME, SCRAPE_KINDS, VMAGENT, ScrapeObject
from vmagent_operator.api.objects import CustomObject, Metadata
from vmagent_operator.api.vmagent import VMAgentSpec
from vmagent_operator.cli import manifests
from vmagent_operator.cli.cluster import VERSIONS, Cluster, known, name_of_custom
from vmagent_operator.cli.decisions import Decisions, decisions, kind_of
from vmagent_operator.cli.flags import OTHER_KINDS
from vmagent_operator.cli.manifests import SHOWN, InputError, Located, NoFile, NoObject, Source
from vmagent_operator.cli.reports.findings import LEVELS, Finding, Level
from vmagent_operator.controller.steps.leftout import Name, name_of
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.identity import API_VERSION, GROUP
from vmagent_operator.model.suggest import nearest, suggestion
from vmagent_operator.scrape import selection
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.errors import Finding as Left
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.fragment import fragment
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.settings import Server, Settings

_FAULT = re.compile(r"^(?:.*?: )?((?:spec|metadata)(?:\.[\w/-]+|\[[^]]*])*): (.*)$", re.S)
"""A message about a field: what comes before it, the field, and what is wrong there."""
_NEXT = re.compile(r"; (?=(?:spec|metadata)\b)")
"""Between two faults on one line."""
_INDEX = re.compile(r"\[[^]]*]")
_SAYS_ALL = re.compile(r"did you mean|\b(?:secret|configmap) ")
"""In a message that needs no advice."""
_ABSENT = re.compile(r"\b(?:secret|configmap) \S+ not found$")


@frozen(kw_only=True)
class Reviewed:
    """What was found, in the order of files and lines, and what the files hold of a cluster.

    files, objects: how many were looked at.
    """

    findings: tuple[Finding, ...]
    cluster: Cluster
    decided: Decisions
    files: int
    objects: int


def review(sources: Iterable[str], settings: Settings, server: Server) -> Reviewed:
    """All that is wrong with the manifests in files. Raises NoFile for one that cannot be read at all."""
    found = _Review()
    texts = list(manifests.texts(sources))
    located = [each for source in texts for each in found.read(source)]
    cluster = Cluster.of(known((each.raw for each in located), str))
    found.place(located)
    decided = decisions(cluster, settings, server)
    for decision in decided.made:
        messages = [*_NEXT.split(decision.error)] if decision.error and decision.owner.error is None else []
        for message in (*messages, *decision.left_out.refused.values()):
            found.fault(decision.owner, message, "rejected")
        for message in decision.asked.warnings if decision.asked else ():
            found.fault(decision.owner, message, "doubtful", "warning")
    for made in decided.converted.made.values():
        if made.said:
            level: Level = "error" if made.error else "warning"
            found.fault(made.source, made.error or made.note, "not-converted", level)
    for obj in cluster.custom.values():
        found.fields(obj)
    _review_scrapes(found, decided, settings)
    ordered = sorted(found.findings, key=lambda each: (each.file, each.line, LEVELS.index(each.level), each.text))
    return Reviewed(
        findings=tuple(dict.fromkeys(ordered)),
        cluster=cluster,
        decided=decided,
        files=len(texts),
        objects=len(located),
    )


def _review_scrapes(found: "_Review", decided: Decisions, settings: Settings) -> None:
    """What is wrong with scrape objects: as each owner says that selects it, else as one would that has no wishes of its own."""
    cluster = decided.cluster
    values = SecretSnapshot(cluster.contents, trim=settings.trim_secret_values)
    left = {
        (name_of_custom(each.object), each.message)
        for decision in decided.made
        if decision.asked and decision.asked.configuration
        for each in decision.asked.configuration.findings
    }
    owners = [owner for each in decided.made for owner in _scrape_owner(each.owner, settings)]
    for obj in (each for kind in SCRAPE_KINDS for each in cluster.of_kind(kind)):
        if obj.spec is None or name_of_custom(obj) not in found.places:
            continue
        selecting = [owner for owner in owners if _selects(owner, obj, cluster.namespaces)]
        for owner in selecting or [_nobody(settings)]:
            made = fragment(obj, context(owner), values)
            if isinstance(made, Left):
                left.add((name_of_custom(obj), made.message))
        if owners and not selecting:
            miss = selection.nearest_miss(owners, obj, cluster.namespaces)
            found.fault(obj, miss or "no owner selects it", "not-selected", "note")
    for name, message in left:
        if name in found.places:
            for each in _NEXT.split(message):
                found.fault(cluster.custom[name], each, "rejected")


def _scrape_owner(owner: CustomObject[object], settings: Settings) -> Iterator[ScrapeOwner]:
    """An owner as whoever selects scrape objects, if it can be and does."""
    if owner.spec is None:
        return
    try:
        found = kind_of(owner).scrape_owner(owner, settings)
    except OwnerError:
        return
    if found is not None:
        yield found


def _selects(owner: ScrapeOwner, obj: ScrapeObject, namespaces: Mapping[str, Mapping[str, str]]) -> bool:
    try:
        return selection.matches(owner, obj, namespaces)
    except selection.SelectorError:
        return False


def _nobody(settings: Settings) -> ScrapeOwner:
    """An agent that asks nothing of scrape objects, for those that nobody selects."""
    return scrape_owner(CustomObject(kind=VMAGENT, metadata=Metadata(), spec=VMAgentSpec(remote_write=())), settings)


@define
class _Review:
    """Findings as they are made; places: where the objects stand, the later of two with the same name."""

    findings: list[Finding] = field(factory=list)
    places: dict[Name, Located] = field(factory=dict)

    def read(self, source: Source) -> Iterator[Located]:
        """The objects of a text; what is none becomes a finding."""
        tell = partial(self._unread, source, "note")
        try:
            yield from manifests.objects(source, tell)
        except NoFile:
            raise
        except (NoObject, InputError) as error:
            self._unread(source, "error", str(error))

    def _unread(self, source: Source, level: Level, message: str) -> None:
        said = message.removeprefix(f"{source.name}:")
        place, _, rest = said.partition(":")
        line = int(place) if place.isdigit() else 1
        text = (rest if place.isdigit() else said).strip()
        self.findings.append(Finding(rule="unreadable", level=level, file=source.name, line=line, message=text))

    def place(self, located: Sequence[Located]) -> None:
        """Remember where objects stand; kinds and versions that there are not, and objects that are given twice, are findings."""
        for each in located:
            if wrong := _wrong_head(each):
                self.findings.append(wrong)
                continue
            name = _name_of(each)
            if name[0] in BY_NAME and (before := self.places.get(name)):
                self._add(each, name, "duplicate", "warning", "", f"is also in {before.source.name}:{before.line()}")
                self.findings[-1] = evolve(self.findings[-1], advice="only this one counts; remove one of them")
            self.places[name] = each

    def fields(self, obj: CustomObject[object]) -> None:
        """Fields that do not exist, and values that their fields cannot have."""
        name = name_of_custom(obj)
        if name not in self.places:
            return
        for path in obj.unknown[:SHOWN]:
            advice = suggestion(obj.kind.spec_class, path) or f"remove it, or see {_explained(obj, _parent(path))}"
            self._add(self.places[name], name, "unknown-field", "error", path, "no such field", advice)
        if (more := len(obj.unknown) - SHOWN) > 0:
            self._add(self.places[name], name, "unknown-field", "error", "", f"{more} more are no fields")
        for fault in obj.error.faults if obj.error else ():
            advice = "" if "did you mean" in fault.message else f"see {_explained(obj, fault.path)}"
            self._add(self.places[name], name, "invalid-field", "error", fault.path, fault.message, advice)

    def fault(self, obj: CustomObject[object], message: str, rule: str, level: Level = "error") -> None:
        """What a reconcile says of an object; where it names the field, the line is that of the field."""
        name = name_of_custom(obj)
        if name not in self.places:
            return
        named = _FAULT.match(message)
        path, said = named.groups() if named else ("", message)
        is_explained = path.startswith("spec.") and not _SAYS_ALL.search(said)
        advice = f"see {_explained(obj, path)}" if is_explained else ""
        if _ABSENT.search(said):
            rule, level, advice = "not-found", "note", "it must be in the cluster, or among the files"
        if rule == "not-selected":
            advice = f"see vmagent-operator explain {obj.kind.singular}/{obj.name} -n {obj.namespace}"
        self._add(self.places[name], name, rule, level, path, said, advice)

    def _add(self, at: Located, name: Name, rule: str, level: Level, path: str, message: str, advice: str = "") -> None:
        self.findings.append(
            Finding(
                rule=rule,
                level=level,
                file=at.source.name,
                line=at.line(path),
                subject=_subject(*name),
                field=path,
                message=message,
                advice=advice,
            )
        )


def _wrong_head(each: Located) -> Finding | None:
    """What is wrong with the group, version or kind of an object, if that is ours or meant to be."""
    version, kind = each.raw["apiVersion"], each.raw["kind"]
    group = version.rpartition("/")[0]
    wanted = VERSIONS.get(kind, version)
    if version != wanted and (kind in BY_NAME or group == wanted.rpartition("/")[0]):
        return _head(each, "unknown-version", "apiVersion", f"there is no {kind} of {version}", f"write {wanted}")
    if group != GROUP or kind in BY_NAME:
        return None
    if kind in OTHER_KINDS and version == API_VERSION:
        message, advice = "is a kind of the Go operator, and passed over here", "leave it to the Go operator"
        return evolve(_head(each, "unknown-kind", "kind", message, advice), level="note")
    near = nearest(kind, (*BY_NAME, *OTHER_KINDS))
    advice = f"did you mean {near}?" if near else f"there are {', '.join(BY_NAME)}"
    return _head(each, "unknown-kind", "kind", f"there is no kind {kind} of {GROUP}", advice)


def _head(each: Located, rule: str, path: str, message: str, advice: str) -> Finding:
    return Finding(
        rule=rule,
        level="error",
        file=each.source.name,
        line=each.line(path),
        subject=_subject(*_name_of(each)),
        field=path,
        message=message,
        advice=advice,
    )


def _name_of(each: Located) -> Name:
    kind, namespace, name = name_of(each.raw)
    return kind, namespace or ("default" if kind in VERSIONS or kind in ("Secret", "ConfigMap") else ""), name


def _subject(kind: str, namespace: str, name: str) -> str:
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _explained(obj: CustomObject[object], path: str) -> str:
    """The command that tells of a field."""
    return f"kubectl explain {obj.kind.singular}.{_INDEX.sub('', path)}"

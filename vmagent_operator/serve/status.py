"""The status page: every owner with its state, and each scrape object with what becomes of it and why, for people.

It reads what is in memory and asks nobody. Tables are cut into pages, so that ten thousand objects cost a page no more than
a hundred.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

from attrs import define, frozen

from vmagent_operator.api.kinds import SCRAPE_KINDS, Kind, ScrapeObject
from vmagent_operator.controller.engine.kind import Owner, OwnerKind, custom
from vmagent_operator.controller.engine.verdicts import Said, Verdict
from vmagent_operator.controller.steps.memory import OwnerState
from vmagent_operator.controller.system import System
from vmagent_operator.identity import OPERATOR
from vmagent_operator.scrape import masked, selection
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.serve.html import Node, document, element, link, table
from vmagent_operator.serve.http import Answer, Page, Query, Token
from vmagent_operator.status.conditions import condition_type, conditions

T = TypeVar("T")

ROWS = 100
LONGEST = 400
"""Characters of a reason in a table; the whole of it is in the object's status."""
SHOWN_OWNERS = 3
"""Of how many owners the jobs of an object are shown: most have the same."""
_CLASSES = {"failed": "bad", "expanding": "busy", "operational": "good", "scraped": "good"} | dict.fromkeys(
    ("left out", "not scraped"), "bad"
)
_ORDER = {"failed": 0, "expanding": 1, "new": 2, "paused": 3}
_OWNERS = {
    "Kind": "",
    "Name": "",
    "State": "",
    "Reason": "text",
    "Selected": "number",
    "Left out": "number",
    "Last write": "",
}
_CONDITIONS = {"Type": "", "Status": "", "Reason": "", "Message": "text"}
_VERDICTS = {"Kind": "", "Name": "", "Outcome": "", "Why": "text"}
ALL = "all"


@frozen(kw_only=True)
class OwnerRow:
    """What the table of owners tells of one. written_ago: seconds since we last wrote an object of it, None for never."""

    of: OwnerKind
    owner: Owner
    state: str
    reason: str
    selected: int
    left_out: int
    written_ago: float | None

    @property
    def path(self) -> str:
        """Where its own page is."""
        return f"/owners/{self.of.kind.plural}/{self.owner.key}"


@define
class StatusPage:
    """The pages at `/`. note: what is to be known of this replica, such as that it stands by; "" for nothing."""

    system: System
    note: Callable[[], str]
    token: Token | None = None

    def pages(self) -> Mapping[str, Page]:
        """Path -> page."""
        found = {"/": self._overview, "/owners/": self._owner, "/objects/": self._object}
        return {path: partial(self._admitted, page) for path, page in found.items()}

    def _admitted(self, page: Page, query: Query, headers: Mapping[str, str]) -> Answer:
        if self.token is not None and not self.token.admits(headers):
            return Answer(b"unauthorized\n", 401)
        return page(query, headers)

    def _overview(self, query: Query, headers: Mapping[str, str]) -> Answer:
        if query[""] != "/":
            return Answer(b"not found\n", 404)
        rows = sorted(self._rows(), key=lambda row: (_ORDER.get(row.state, 9), row.of.kind.name, row.owner.key))
        counts = {state: sum(row.state == state for row in rows) for state in sorted({row.state for row in rows})}
        searched = query.get("q", "").lower()
        found = [row for row in rows if searched in f"{row.of.kind.name} {row.owner.key} {row.state}".lower()]
        shown, pager = _page(found, query, "/")
        cells = (
            (
                row.of.kind.name,
                link(row.owner.key, row.path),
                _state(row.state),
                row.reason[:LONGEST],
                str(row.selected),
                str(row.left_out),
                _ago(row.written_ago),
            )
            for row in shown
        )
        summary = ", ".join(f"{count} {state}" for state, count in counts.items()) or "no owner yet"
        links = element("nav", *(link(name, f"/{name}") for name in ("metrics",)))
        note = self.note()
        return document(
            OPERATOR,
            element("p", note, class_="busy") if note else None,
            element("p", summary),
            _search(query),
            table(_OWNERS, cells),
            pager,
            links,
        )

    def _rows(self) -> Iterator[OwnerRow]:
        usage = self.system.mapper.usage
        for of in self.system.mapper.owners:
            states = dict(self.system.owners[of.name].reconciler.states.items())
            for owner in self.system.stores.items(of.resource):
                state = states.get((owner.namespace, owner.name))
                said = str(owner.status.get("updateStatus") or "new")
                yield OwnerRow(
                    of=of,
                    owner=owner,
                    state="paused" if owner.spec is not None and owner.spec.paused else said,
                    reason=str(owner.error or owner.status.get("reason") or ""),
                    selected=len(usage.selected.get(of.key(owner), ())),
                    left_out=len(state.reported.rejected) if state else 0,
                    written_ago=self._written_ago(state),
                )

    def _written_ago(self, state: OwnerState | None) -> float | None:
        times = [times[-1] for _, times in [*state.conflicts.rewrites.values()] if times] if state else []
        return self.system.client.clock.monotonic() - max(times) if times else None

    def _owner(self, query: Query, headers: Mapping[str, str]) -> Answer:
        path = query[""]
        row = next((row for row in self._rows() if row.path == path), None)
        if row is None:
            return Answer(b"not found\n", 404)
        owner, of = row.owner, row.of
        told = conditions(owner)
        # What our conditions on scrape objects and owners hold; anybody may have written others.
        cells = ([str(each.get(key, ""))[:LONGEST] for key in ("type", "status", "reason", "message")] for each in told)
        scrapes = of.scrape_owner(owner, self.system.settings) if owner.spec is not None else None
        return document(
            f"{of.kind.name} {owner.key}",
            _back(),
            element("p", _state(row.state), f" {row.reason}" if row.reason else None),
            element("h2", "Conditions") if told else None,
            table(_CONDITIONS, cells) if told else None,
            *(self._scraped(row, scrapes, query) if scrapes else ()),
        )

    def _scraped(self, row: OwnerRow, scrapes: ScrapeOwner, query: Query) -> Iterator[Node]:
        """What becomes of every scrape object at one owner."""
        verdicts = self.system.owners[row.of.name].reconciler.tools.verdicts
        said = verdicts.said(condition_type(row.owner))
        objects = [obj for kind in SCRAPE_KINDS for obj in self.system.stores.items(custom(kind))]
        searched, wanted = query.get("q", "").lower(), query.get("show", ALL)
        found = [
            obj
            for obj in sorted(objects, key=lambda obj: (obj.kind.name, obj.key))
            if searched in f"{obj.kind.name} {obj.key}".lower() and wanted in (ALL, _outcome(said.of(obj)))
        ]
        shown, pager = _page(found, query, row.path)
        namespaces = self.system.stores.namespaces()
        cells = (
            (
                obj.kind.name,
                link(obj.key, _path(obj)),
                _state(outcome),
                why[:LONGEST],
            )
            for obj in shown
            for outcome, why in [_told(row, scrapes, obj, said, namespaces)]
        )
        yield element("h2", f"Scrape objects: {len(said)} selected of {len(objects)}")
        yield _search(query, (ALL, "scraped", "left out", "not selected"))
        yield table(_VERDICTS, cells)
        yield pager

    def _object(self, query: Query, headers: Mapping[str, str]) -> Answer:
        path = query[""]
        plural, _, key = path.removeprefix("/objects/").partition("/")
        kind: Kind[Any] | None = next((kind for kind in SCRAPE_KINDS if kind.plural == plural), None)
        namespace, _, name = key.partition("/")
        obj: ScrapeObject | None = self.system.stores.get(custom(kind), namespace, name) if kind else None
        if obj is None:
            return Answer(b"not found\n", 404)
        rows = sorted(self._rows(), key=lambda row: row.owner.key)
        namespaces = self.system.stores.namespaces()
        judged = [(row, *found) for row in rows if (found := self._judged(row, obj, namespaces)) is not None]
        judged.sort(key=lambda found: found[1] == _outcome(None))
        shown, pager = _page(judged, query, path)
        cells = (
            (row.of.kind.name, link(row.owner.key, row.path), _state(outcome), why[:LONGEST])
            for row, outcome, why, _ in shown
        )
        scraped = [(row, scrapes) for row, outcome, _, scrapes in shown if outcome == "scraped"][:SHOWN_OWNERS]
        return document(
            f"{obj.kind.name} {obj.key}",
            _back(),
            element("p", str(obj.error)[:LONGEST], class_="bad") if obj.error else None,
            table(_VERDICTS, cells) if judged else element("p", "Nothing scrapes here."),
            pager,
            *(node for row, scrapes in scraped for node in _jobs(row, masked.jobs(scrapes, obj))),
        )

    def _judged(
        self, row: OwnerRow, obj: ScrapeObject, namespaces: selection.Namespaces
    ) -> tuple[str, str, ScrapeOwner] | None:
        """Outcome and reason at one owner, None at one that does not scrape."""
        owner = row.owner
        scrapes = row.of.scrape_owner(owner, self.system.settings) if owner.spec is not None else None
        if scrapes is None:
            return None
        said = self.system.owners[row.of.name].reconciler.tools.verdicts.said(condition_type(owner))
        return *_told(row, scrapes, obj, said, namespaces), scrapes


def _outcome(verdict: Verdict | None) -> str:
    if verdict is None:
        return "not selected"
    return "scraped" if verdict.message is None else "left out"


def _told(
    row: OwnerRow,
    scrapes: ScrapeOwner,
    obj: ScrapeObject,
    said: Said,
    namespaces: selection.Namespaces,
) -> tuple[str, str]:
    """The outcome for an object at an owner, and what is wrong with it in the words of statuses, "" if nothing is."""
    if verdict := said.of(obj):
        return _outcome(verdict), verdict.message or ""
    try:
        miss = selection.not_selected(scrapes, obj, namespaces)
    except selection.SelectorError as error:
        return "not scraped", str(error)
    if miss is None:
        return "not scraped", f"{row.of.kind.name}: {row.reason}" if row.reason else "not looked at yet"
    return _outcome(None), f"{miss.reason}: {miss.message}"


def _path(obj: ScrapeObject) -> str:
    return f"/objects/{obj.kind.plural}/{obj.key}"


def _jobs(row: OwnerRow, text: str) -> tuple[Node, Node]:
    return element("h2", f"Its jobs in {row.of.kind.name} {row.owner.key}"), element("pre", text)


def _state(word: str) -> Node:
    return element("span", word, class_=_CLASSES.get(word, ""))


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def _back() -> Node:
    return element("nav", link("All owners", "/"))


def _search(query: Query, choices: Sequence[str] = ()) -> Node:
    """A form that asks the same page for less of its table."""
    given = query.get("show", ALL)
    options = (
        element("option", choice, value=choice, **({"selected": "selected"} if choice == given else {}))
        for choice in choices
    )
    return element(
        "form",
        element("input", type="search", name="q", value=query.get("q", ""), placeholder="name", aria_label="name"),
        element("select", *options, name="show") if choices else None,
        element("button", "Search"),
    )


def _page(found: Sequence[T], query: Query, path: str) -> tuple[Iterable[T], Node]:
    """The part of a table that is asked for, and links to the others."""
    text = query.get("page", "")
    last = max(0, (len(found) - 1) // ROWS)
    digits = text if text.isascii() and text.isdecimal() else "0"
    # Python reads no number of thousands of digits.
    number = last if len(digits) > len(str(last)) else min(int(digits), last)
    kept = {key: value for key, value in query.items() if key in ("q", "show") and value}

    def to(other: int, word: str) -> Node:
        return link(word, f"{path}?{urlencode({**kept, 'page': str(other)})}")

    first, end = number * ROWS, min(len(found), (number + 1) * ROWS)
    parts: list[Node] = [f"{first + 1} to {end} of {len(found)}" if found else "nothing"]
    if number:
        parts.append(to(number - 1, "previous"))
    if number < last:
        parts.append(to(number + 1, "next"))
    return found[first:end], element("nav", *(element("span", each) for each in parts))

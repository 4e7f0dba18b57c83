"""Why objects are scraped or not, in the words of statuses: what `explain` shows, and `diff` and `doctor` ask."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property

from attrs import frozen

from vmagent_operator.api.kinds import SCRAPE_KINDS, ScrapeObject
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.cli.cluster import Cluster, name_of_custom
from vmagent_operator.cli.decisions import Decision, Decisions, is_watched, kind_of
from vmagent_operator.controller.engine.kind import Owner
from vmagent_operator.controller.kinds import OWNERS
from vmagent_operator.controller.steps.leftout import Name
from vmagent_operator.desired.stages import Desired
from vmagent_operator.scrape import selection
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.explain import Verdict, verdict
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.scrape.references import SecretSnapshot
from vmagent_operator.settings import Settings


@frozen(kw_only=True)
class Row:
    """What becomes of one scrape object at one owner."""

    owner: Owner
    scrape: ScrapeObject
    verdict: Verdict

    @property
    def is_scraped(self) -> bool:
        """Whether the owner scrapes the object, or will once it is no longer paused."""
        return not self.verdict.broken

    @property
    def text(self) -> str:
        """The verdict in words."""
        found = self.verdict
        if found.broken:
            return f"not scraped: {found.broken}: {found.message}"
        jobs = f"scraped, {len(found.jobs)} job{'s' if len(found.jobs) != 1 else ''}: {', '.join(found.jobs)}"
        return jobs + (" (once the agent is no longer paused)" if self.owner.spec and self.owner.spec.paused else "")


@frozen(kw_only=True, slots=False)
class Explanation:
    """Why everything in a cluster is scraped or not."""

    cluster: Cluster
    decided: Decisions
    settings: Settings

    @cached_property
    def owners(self) -> list[Owner]:
        """Those that scrape, or would if their spec could be read; sorted by kind and `namespace/name`."""
        found = []
        for of in OWNERS:
            for owner in sorted(self.cluster.of_kind(of.kind), key=lambda obj: obj.key):
                with suppress(OwnerError):
                    if owner.spec is None or of.scrape_owner(owner, self.settings) is not None:
                        found.append(owner)
        return found

    @cached_property
    def scrapes(self) -> list[ScrapeObject]:
        """All scrape objects, sorted by kind and `namespace/name`."""
        return [
            scrape for kind in SCRAPE_KINDS for scrape in sorted(self.cluster.of_kind(kind), key=lambda obj: obj.key)
        ]

    def faults(self, owner: Owner) -> Iterator[str]:
        """Why an owner gets no configuration at all, if that is so."""
        decision = self._made.get(name_of_custom(owner))
        if owner.error is not None:
            yield str(owner.error)
        elif not is_watched(owner, self.settings):
            yield "the operator watches other namespaces only"
        elif decision is not None and not decision.is_configured:
            yield decision.reason

    def row(self, owner: Owner, scrape: ScrapeObject) -> Row:
        """The first link that breaks: of the selection, of the owner, of the object, or of what others leave room for."""
        return Row(owner=owner, scrape=scrape, verdict=self._verdict(owner, scrape))

    def rows(self, scrape: ScrapeObject) -> list[Row]:
        """What becomes of a scrape object at each owner."""
        return [self.row(owner, scrape) for owner in self.owners]

    def unscraped(self, scrape: ScrapeObject) -> list[str]:
        """Why nobody scrapes an object: what those say that select it, or else the nearest one; empty if somebody does."""
        rows = self.rows(scrape)
        if any(row.is_scraped for row in rows):
            return []
        said = [
            f"{row.owner.kind.name} {row.owner.key}: {row.text}"
            for row in rows
            if row.verdict.is_selected or (row.verdict.broken == "agent" and row.owner.spec is not None)
        ]
        nearest = selection.nearest_miss(self._scrape_owners, scrape, self.cluster.namespaces)
        return said or [nearest or "there is no owner that scrapes"]

    @cached_property
    def _scrape_owners(self) -> list[ScrapeOwner]:
        found = (kind_of(owner).scrape_owner(owner, self.settings) for owner in self.owners if owner.spec is not None)
        return [owner for owner in found if owner is not None]

    def _verdict(self, owner: Owner, scrape: ScrapeObject) -> Verdict:
        scrapes = kind_of(owner).scrape_owner(owner, self.settings) if owner.spec is not None else None
        if scrapes is None:
            return Verdict(broken="agent", message=str(owner.error))
        found = verdict(scrapes, scrape, self.cluster.namespaces, self._values)
        if not found.is_selected:
            return found
        for fault in self.faults(owner):
            return Verdict(broken="agent", message=fault)
        if name_of_custom(owner) not in self._made:
            return found
        message = self._messages[name_of_custom(owner)].get(name_of_custom(scrape))
        return Verdict(broken="object", message=message) if message else found

    @cached_property
    def _values(self) -> SecretSnapshot:
        return SecretSnapshot(self.cluster.contents, trim=self.settings.trim_secret_values)

    @cached_property
    def _made(self) -> Mapping[Name, Decision]:
        """What each owner comes to, if nobody is deleting it."""
        return {name_of_custom(decision.owner): decision for decision in self.decided.made}

    @cached_property
    def _messages(self) -> Mapping[Name, Mapping[Name, str]]:
        """What each owner says of objects that it leaves out."""
        return {name: _messages(decision.asked) for name, decision in self._made.items()}


def _messages(asked: Desired | None) -> Mapping[Name, str]:
    if asked is None or asked.configuration is None:
        return {}
    return {name_of_custom(finding.object): finding.message for finding in asked.configuration.findings}


def named(obj: CustomObject[object]) -> str:
    """`VMServiceScrape shop/web`."""
    return f"{obj.kind.name} {obj.key}"

"""The configuration of one owner: global section, the jobs of all scrape objects, further jobs, buckets."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from attrs import evolve, frozen

from vmagent_operator.api.kinds import ScrapeObject
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.model.encode import Config, to_config
from vmagent_operator.scrape import extra, pack, part, references
from vmagent_operator.scrape.checks import validate
from vmagent_operator.scrape.checks.budget import MEMORY_PER_BYTE
from vmagent_operator.scrape.context import Context, context
from vmagent_operator.scrape.errors import Finding, OwnerError
from vmagent_operator.scrape.fragment import Fragment, fragment
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.scrape.part import Built, Keys, Part
from vmagent_operator.scrape.references import Missing, Reference, SecretResolver, SecretSnapshot
from vmagent_operator.scrape.selection import Selection
from vmagent_operator.scrape.share import Room, allotted, built_within
from vmagent_operator.scrape.text import emit

OVERFLOW_FILES = "/etc/vm/sc-files/*/jobs.yaml"
DEFAULT_INTERVAL = "30s"
WHOLE_ROOM = Room()
"""What there is for an owner whose application may take as much memory as it likes."""


@frozen(eq=False)
class Configuration:
    """What an owner scrapes.

    packed: the buckets of all files. assets: files that jobs refer to,
    asset key -> text. selection: the objects that it is made of. parts: what became of them, in order. faults: what is wrong with the owner's own further jobs; they are left out. jobs: how many there are in all files.
    """

    packed: pack.Packed
    assets: Mapping[str, str]
    selection: Selection
    parts: tuple[Part, ...]
    faults: tuple[str, ...]
    jobs: int

    @property
    def main(self) -> pack.Bucket:
        """The configuration file."""
        return self.packed.buckets[0]

    @property
    def overflow(self) -> tuple[pack.Bucket, ...]:
        """Lists of jobs for further Secrets, in order."""
        return self.packed.buckets[1:]

    @property
    def applied(self) -> tuple[ScrapeObject, ...]:
        """The objects whose jobs are in."""
        return tuple(obj for each in self.parts for obj, built in each.built.items() if isinstance(built, Fragment))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The objects that are left out, and why."""
        return tuple(chain.from_iterable(each.rejected for each in self.parts))


def configuration(
    owner: ScrapeOwner, selection: Selection, snapshot: SecretSnapshot, room: Room = WHOLE_ROOM
) -> Configuration:
    """The configuration of `owner` with the objects that it selects, as far as `room` has a place for them. Raises OwnerError."""
    if errors := validate.owner(owner):
        raise OwnerError("; ".join(errors))
    resolver = SecretResolver(snapshot, owner.namespace)
    budget = owner.settings.config_data_budget_bytes or pack.DEFAULT_BUDGET_BYTES
    own_bytes = _own_bytes(owner, resolver)
    room_left = evolve(
        room, text_bytes=room.text_bytes - own_bytes, memory_bytes=room.memory_bytes - own_bytes * MEMORY_PER_BYTE
    )
    parts = _parts(selection, context(owner), snapshot, budget, room_left)
    further, faults = extra.entries(owner, resolver, lambda name: any(name in each.names for each in parts))
    if oversized := [entry.name for entry in further if pack.is_oversized(entry, budget)]:
        raise OwnerError(f"job {oversized[0]!r} alone exceeds {budget} bytes, the most that a Secret may hold")
    own_jobs = pack.runs([entry for entry in further if entry.text])
    runs = [*chain.from_iterable(each.runs for each in parts), *own_jobs]
    return Configuration(
        packed=pack.packed(runs, budget, _heads(owner, bool(runs), resolver)),
        assets={key: text for each in parts for key, text in each.assets.items()},
        selection=selection,
        parts=parts,
        faults=faults,
        jobs=sum(each.jobs for each in parts) + len(further),
    )


def keys(owner: ScrapeOwner, selection: Selection) -> Keys:
    """Of every Secret and ConfigMap that `owner` or an object refers to, the keys whose content may be needed."""
    own_context = context(owner)
    own = references.keys(owner.object.spec, owner.object.namespace)
    theirs = (pair for block in selection for pair in _pairs(part.keys(block, own_context)))
    return part.merged(chain(own, theirs))


def _pairs(wanted: Keys) -> Iterator[tuple[Reference, str]]:
    return ((reference, key) for reference, names in wanted.items() for key in names)


def _parts(
    selection: Selection, own_context: Context, snapshot: SecretSnapshot, budget_bytes: int, room: Room
) -> tuple[Part, ...]:
    """The objects that can be configured, with their jobs, in the order of the file; and those that cannot."""

    def build(obj: ScrapeObject) -> Built:
        built = fragment(obj, own_context, snapshot)
        if isinstance(built, Fragment) and pack.is_oversized(built.entry, budget_bytes):
            return Finding(obj, f"its jobs alone exceed {budget_bytes} bytes, the most that a Secret may hold")
        return built

    def within(objects: Iterable[ScrapeObject]) -> Mapping[ScrapeObject, Built] | None:
        return built_within(room, objects, build)

    return allotted(selection, lambda block: part.part(block, own_context, snapshot, budget_bytes, within), build, room)


def _own_bytes(owner: ScrapeOwner, resolver: SecretResolver) -> int:
    """What the owner's own further jobs take of the room, aliases aside; they go first."""
    scraping = owner.scraping
    selector = scraping.additional_scrape_configs
    try:
        return len(scraping.inline_scrape_config) + (len(resolver.text(selector)) if selector else 0)
    except Missing:
        return 0  # `extra.entries` says so


def _heads(owner: ScrapeOwner, has_jobs: bool, resolver: SecretResolver) -> tuple[bytes, bytes]:
    """The text before the jobs if the file has all of them, and if more are in other files."""
    whole = {"global": _global(owner, resolver)}
    jobs = b"scrape_configs:\n" if has_jobs else b"scrape_configs: []\n"
    parts = (whole, {**whole, "scrape_config_files": [OVERFLOW_FILES]})
    alone, leading = (emit.dump(part).encode() + jobs for part in parts)
    return alone, leading


def _global(owner: ScrapeOwner, resolver: SecretResolver) -> Config:
    scraping = owner.scraping
    label = next(
        (n for n in (scraping.external_label_name, scraping.vm_agent_external_label_name) if n is not None),
        "prometheus",
    )
    identity = {label: owner.key} if label else {}
    metric_rules = _rules(scraping.global_scrape_metric_relabel_configs, resolver)
    rules = _rules(scraping.global_scrape_relabel_configs, resolver)
    return {
        "scrape_interval": scraping.scrape_interval or DEFAULT_INTERVAL,
        "external_labels": dict(sorted((identity | dict(scraping.external_labels)).items())),
        **({"sample_limit": scraping.sample_limit} if scraping.sample_limit > 0 else {}),
        **({"scrape_timeout": scraping.scrape_timeout} if scraping.scrape_timeout else {}),
        **({"metric_relabel_configs": metric_rules} if metric_rules else {}),
        **({"relabel_configs": rules} if rules else {}),
    }


def _rules(rules: Iterable[RelabelConfig], resolver: SecretResolver) -> list[Config]:
    """Rules as vmagent reads them; one that says nothing would make it skip every job."""
    return [rule for rule in (to_config(each, resolver) for each in rules) if rule]

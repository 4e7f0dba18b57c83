"""The configuration of one owner: global section, the jobs of all scrape objects, further jobs, buckets."""

from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve, frozen

from vmagent_operator.api.kinds import SCRAPE_KINDS, ScrapeObject
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.model.encode import Config, to_config
from vmagent_operator.scrape import extra, pack, references
from vmagent_operator.scrape.checks import validate
from vmagent_operator.scrape.checks.budget import MEMORY_PER_BYTE
from vmagent_operator.scrape.context import Context, context
from vmagent_operator.scrape.errors import Finding, OwnerError
from vmagent_operator.scrape.fragment import Fragment, fragment, named_objects
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.scrape.references import Missing, Reference, SecretResolver, SecretSnapshot
from vmagent_operator.scrape.selection import Selection
from vmagent_operator.scrape.share import Room, allotted
from vmagent_operator.scrape.text import emit

OVERFLOW_FILES = "/etc/vm/sc-files/*/jobs.yaml"
DEFAULT_INTERVAL = "30s"
WHOLE_ROOM = Room()
"""What there is for an owner whose application may take as much memory as it likes."""


@frozen(eq=False)
class Configuration:
    """What an owner scrapes.

    main: the configuration file. overflow: lists of jobs for further Secrets, in order. Both also packed. assets: files that jobs refer to,
    asset key -> text. applied: the objects whose jobs are in. findings: the objects that are left out, and why.
    faults: what is wrong with the owner's own further jobs; they are left out. jobs: how many there are in all files.
    """

    main: pack.Bucket
    overflow: tuple[pack.Bucket, ...]
    assets: Mapping[str, str]
    applied: tuple[ScrapeObject, ...]
    findings: tuple[Finding, ...]
    faults: tuple[str, ...]
    jobs: int


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
    fragments, findings = _fragments(selection, context(owner), snapshot, budget, room_left)
    names = {name for each in fragments.values() for name in each.names}
    further, faults = extra.entries(owner, resolver, names)
    if oversized := [entry.name for entry in further if pack.is_oversized(entry, budget)]:
        raise OwnerError(f"job {oversized[0]!r} alone exceeds {budget} bytes, the most that a Secret may hold")
    entries = [entry for entry in (*(each.entry for each in fragments.values()), *further) if entry.text]
    main, *overflow = pack.buckets(entries, budget, _heads(owner, bool(entries), resolver))
    return Configuration(
        main=main,
        overflow=tuple(overflow),
        assets={key: text for each in fragments.values() for key, text in each.assets.items()},
        applied=tuple(fragments),
        findings=findings,
        faults=faults,
        jobs=len(names) + len(further),
    )


def named(owner: ScrapeOwner, selection: Selection) -> frozenset[Reference]:
    """Every Secret and ConfigMap whose content the configuration of `owner` may need."""
    additional = owner.scraping.additional_scrape_configs
    further_jobs = references.references(additional, owner.namespace) if additional else frozenset()
    own_context = context(owner)
    return further_jobs.union(*(named_objects(obj, own_context) for obj in _objects(selection)))


def keys(owner: ScrapeOwner, selection: Selection) -> Mapping[Reference, frozenset[str]]:
    """Of every Secret and ConfigMap that `owner` or an object refers to, the keys whose content may be needed."""
    keys_of: dict[Reference, set[str]] = {}
    owning, own_context = owner.object, context(owner)
    for part in (references.keys(owning.spec, owning.namespace), *(_keys(o, own_context) for o in _objects(selection))):
        for reference, key in part:
            keys_of.setdefault(reference, set()).add(key)
    return {reference: frozenset(names) for reference, names in keys_of.items()}


def _keys(obj: ScrapeObject, own_context: Context) -> Iterable[tuple[Reference, str]]:
    if not named_objects(obj, own_context):
        return ()
    named_keys: frozenset[tuple[Reference, str]] | None = obj.memo.get(_keys)
    if named_keys is None:
        named_keys = obj.memo[_keys] = references.keys(obj.spec, obj.namespace)
    shared = own_context.named_keys
    return named_keys.union((evolve(of, namespace=obj.namespace), key) for of, key in shared) if shared else named_keys


def _objects(selection: Selection) -> Iterator[ScrapeObject]:
    for kind in SCRAPE_KINDS:
        yield from selection.chosen.get(kind, ())


def _fragments(
    selection: Selection, own_context: Context, snapshot: SecretSnapshot, budget_bytes: int, room: Room
) -> tuple[dict[ScrapeObject, Fragment], tuple[Finding, ...]]:
    """The objects that can be configured, with their jobs, in the order of the file; and those that cannot."""

    def build(obj: ScrapeObject) -> Fragment | Finding:
        built = fragment(obj, own_context, snapshot)
        if isinstance(built, Fragment) and pack.is_oversized(built.entry, budget_bytes):
            return Finding(obj, f"its jobs alone exceed {budget_bytes} bytes, the most that a Secret may hold")
        return built

    results = allotted(_objects(selection), build, room)
    fragments = {obj: each for obj, each in results.items() if isinstance(each, Fragment)}
    return fragments, tuple(each for each in results.values() if isinstance(each, Finding))


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

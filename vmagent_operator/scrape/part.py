"""A block of scrape objects becomes a part of a configuration, and stays it until one of them changes, or a Secret they name.

Whoever puts parts together looks at sums: one change costs the fragment of one object and the part of one block, however many
there are.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import frozen

from vmagent_operator.api.kinds import Kind, ScrapeObject, ScrapeSpec
from vmagent_operator.blocks import Block
from vmagent_operator.scrape import pack
from vmagent_operator.scrape.context import Context
from vmagent_operator.scrape.errors import Finding
from vmagent_operator.scrape.fragment import Fragment, named_keys
from vmagent_operator.scrape.pack import Run
from vmagent_operator.scrape.references import Reference, SecretSnapshot

Built = Fragment | Finding
Keys = Mapping[Reference, frozenset[str]]
"""Of Secrets and ConfigMaps, the keys that somebody needs the text of."""


@frozen(eq=False, kw_only=True)
class Part:
    """What becomes of some objects: of each its jobs, or why it has none, in their order.

    runs: their texts. names, jobs: what the jobs are called, and how many there are. assets: the files that these need, asset key -> text. text_bytes, memory_bytes: what
    they take of the configuration and of the application. applied, rejected: how many objects of each kind are in it or left out.
    """

    built: Mapping[ScrapeObject, Built]
    runs: tuple[Run, ...]
    names: frozenset[str]
    jobs: int
    assets: Mapping[str, str]
    text_bytes: int
    memory_bytes: int
    applied: Mapping[Kind[ScrapeSpec], int]
    rejected: tuple[Finding, ...]

    @classmethod
    def of(cls, built: Mapping[ScrapeObject, Built]) -> "Part":
        """The part that is made of these results."""
        fragments = {obj: each for obj, each in built.items() if isinstance(each, Fragment)}
        return cls(
            built=built,
            runs=pack.runs([each.entry for each in fragments.values() if each.entry.text]),
            names=frozenset(name for each in fragments.values() for name in each.names),
            jobs=sum(each.jobs for each in fragments.values()),
            assets={key: text for each in fragments.values() for key, text in each.assets.items()},
            text_bytes=sum(each.text_bytes for each in fragments.values()),
            memory_bytes=sum(each.memory_bytes for each in fragments.values()),
            applied=Counter(obj.kind for obj in fragments),
            rejected=tuple(each for each in built.values() if isinstance(each, Finding)),
        )


def part(
    block: Block[ScrapeObject],
    context: Context,
    snapshot: SecretSnapshot,
    budget_bytes: int,
    build: Callable[[Sequence[ScrapeObject]], Mapping[ScrapeObject, Built] | None],
) -> Part | None:
    """The part that `block` makes; None if `build` says so, which else is a function of objects, context, snapshot and budget."""
    needed = ((reference, key) for reference, names in keys(block, context).items() for key in names)
    contents = (snapshot.entries(needed), budget_bytes)
    known = context.parts.get(block)
    if known is None or known[0] != contents:
        built = build(block.things)
        if built is None:
            return None
        known = context.parts[block] = (contents, Part.of(built))
    made: Part = known[1]
    return made


def keys(block: Block[ScrapeObject], context: Context) -> Keys:
    """What the jobs of a block may need, their owner's classes and API server included."""
    known: Keys | None = context.keys.get(block)
    if known is None:
        known = context.keys[block] = merged(pair for obj in block.things for pair in named_keys(obj, context))
    return known


def merged(pairs: Iterable[tuple[Reference, str]]) -> Keys:
    """The keys of each reference together."""
    keys_of: dict[Reference, set[str]] = {}
    for reference, key in pairs:
        keys_of.setdefault(reference, set()).add(key)
    return {reference: frozenset(names) for reference, names in keys_of.items()}

"""One scrape object becomes the finished text of its jobs: what is computed anew when something changes, and nothing else.

A fragment is a function of the object, the owner's context and the Secrets and ConfigMaps that are named; it is kept
beside the object's spec and shared by all owners with an equal context. Nothing of it is known to other objects.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain
from typing import Any

from attrs import frozen

from vmagent_operator.api.auth import TLSConfig
from vmagent_operator.api.kinds import (
    VMNODESCRAPE,
    VMPODSCRAPE,
    VMPROBE,
    VMSCRAPECONFIG,
    VMSERVICESCRAPE,
    VMSTATICSCRAPE,
    Kind,
    ScrapeObject,
    ScrapeSpec,
)
from vmagent_operator.model.bugs import trail
from vmagent_operator.model.decode import INTERNAL_ERROR
from vmagent_operator.model.encode import Config
from vmagent_operator.model.walk import walk
from vmagent_operator.scrape.checks import pem, placeholder, validate
from vmagent_operator.scrape.checks.budget import OverBudgetError
from vmagent_operator.scrape.context import Context
from vmagent_operator.scrape.errors import Finding, ObjectError
from vmagent_operator.scrape.jobs import custom, node, pod, probe, service, static
from vmagent_operator.scrape.jobs.job import JobBuilder
from vmagent_operator.scrape.pack import Entry
from vmagent_operator.scrape.references import SELECTORS, Missing, Reference, SecretResolver, SecretSnapshot, keys
from vmagent_operator.scrape.text import emit


@frozen(eq=False)
class Fragment:
    """The jobs of one scrape object.

    entry: the text of all of them, each an element of a YAML sequence. assets: what they need as files, asset key -> text.
    memory_bytes: what vmagent takes for them.
    """

    entry: Entry
    names: tuple[str, ...]
    assets: Mapping[str, str]
    memory_bytes: int

    @property
    def text_bytes(self) -> int:
        """What they take of the configuration."""
        return len(self.entry.text)

    @property
    def jobs(self) -> int:
        """How many there are."""
        return len(self.names)


@frozen(eq=False)
class _Version:
    """Stands for the spec of an object at one generation, whatever else of the object changes."""


@frozen(eq=False)
class Builder:
    """How objects of a kind become jobs, what the names of these jobs start with, and the field that each comes from."""

    prefix: str
    jobs: Callable[[Any, JobBuilder], Iterator[Config]]
    field: str = "spec"


BUILDERS: Mapping[Kind[ScrapeSpec], Builder] = {
    VMSERVICESCRAPE: Builder("serviceScrape", service.jobs, "spec.endpoints[{}]"),
    VMPODSCRAPE: Builder("podScrape", pod.jobs, "spec.podMetricsEndpoints[{}]"),
    VMPROBE: Builder("probe", probe.jobs, "spec.targets"),
    VMNODESCRAPE: Builder("nodeScrape", node.jobs),
    VMSTATICSCRAPE: Builder("staticScrape", static.jobs, "spec.targetEndpoints[{}]"),
    VMSCRAPECONFIG: Builder("scrapeConfig", custom.jobs),
}


def fragment(obj: ScrapeObject, context: Context, snapshot: SecretSnapshot) -> Fragment | Finding:
    """The jobs of `obj`, or why there are none."""
    contents = snapshot.entries(named_keys(obj, context))
    version = obj.memo.setdefault(_Version, _Version())
    cached = context.fragments.get(version)
    if cached is None or cached[0] != contents:
        rendered = _isolated(obj, context, snapshot)
        # A finding holds its object, which then would never go.
        kept = rendered if isinstance(rendered, Fragment) else (rendered.message, rendered.bug)
        cached = context.fragments[version] = (contents, kept)
    return cached[1] if isinstance(cached[1], Fragment) else Finding(obj, *cached[1])


def named_keys(obj: ScrapeObject, context: Context) -> tuple[tuple[Reference, str], ...]:
    """Every key of a Secret or ConfigMap that the jobs of `obj` may need, its owner's classes and API server included."""
    named: tuple[tuple[Reference, str], ...] | None = obj.memo.get(Reference)
    if named is None:
        named = obj.memo[Reference] = () if obj.spec is None else tuple(sorted(keys(obj.spec, obj.namespace)))
    shared = context.named_keys
    return (*named, *((Reference(r.kind, obj.namespace, r.name), key) for r, key in shared)) if shared else named


def _isolated(obj: ScrapeObject, context: Context, snapshot: SecretSnapshot) -> Fragment | Finding:
    """The fragment; a bug that one object brings to light is the end of that object's jobs only."""
    try:
        return _fragment(obj, context, snapshot)
    except Exception as error:  # noqa: BLE001
        return Finding(obj, INTERNAL_ERROR, trail(error))


def _fragment(obj: ScrapeObject, context: Context, snapshot: SecretSnapshot) -> Fragment | Finding:
    if faults := validate.scrape_object(obj, context):
        return Finding(obj, "; ".join(faults), obj.error.bug if obj.error else "")
    spec: Any = obj.spec
    recipe = BUILDERS[obj.kind]
    resolver = SecretResolver(
        snapshot, obj.namespace, directory=context.assets_directory, denies_placeholders=context.enforced.denies_files
    )
    builder = JobBuilder(obj, recipe.prefix, context, resolver, context.scrape_class(spec.scrape_class))
    texts: list[bytes] = []
    names: list[str] = []
    try:
        for job in map(builder.guarded, recipe.jobs(spec, builder)):
            text = emit.item(job).encode()
            builder.budget.job(job, text)
            texts.append(text)
            names.append(job["job_name"])
    except Missing as missing:
        return Finding(obj, f"{_place(missing, builder)}: {missing}")
    except OverBudgetError as error:
        return Finding(obj, f"{recipe.field.format(len(texts))}: {error}")
    except ObjectError as error:
        return Finding(obj, str(error))
    if builder.resolver.assets and (faults := tuple(_tls_faults(builder))):
        return Finding(obj, "; ".join(faults))
    entry = Entry(f"{obj.kind.name}/{obj.key}", b"".join(texts))
    if b"%{" in entry.text:
        if faults := tuple(placeholder.faults(spec, "spec", denied=context.enforced.denies_files)):
            return Finding(obj, "; ".join(faults))
        if context.variables and placeholder.is_open(entry.text.decode()):
            return Finding(obj, "a text holds %{ without }: vmagent would look for it in what others write")
    return Fragment(entry, tuple(names), builder.resolver.assets, builder.budget.taken_bytes)


def _place(missing: Missing, builder: JobBuilder) -> str:
    """The field whose reference leads nowhere: the object's own, or the owner's."""
    selectors = _models(builder, SELECTORS)
    return next((path for path, selector in selectors if selector is missing.selector), "spec")


def _tls_faults(builder: JobBuilder) -> Iterator[str]:
    """What is wrong with certificates and keys that are mounted for the jobs, each with its field."""
    # All endpoints may name the same large file.
    confused, are_strangers = cache(pem.confused), cache(pem.are_strangers)
    for path, tls in _models(builder, frozenset((TLSConfig,))):
        ca, cert = (builder.resolver.mounted(source.reference if source else None) for source in (tls.ca, tls.cert))
        key = builder.resolver.mounted(tls.key_secret)
        holds = {
            "ca": confused(ca, "certificate"),
            "cert": confused(cert, "certificate"),
            "keySecret": confused(key, "private key"),
        }
        yield from (f"{path}.{field}: holds a {sort}" for field, sort in holds.items() if sort)
        if are_strangers(cert, key):
            yield f"{path}.keySecret: is not the key of the certificate"


def _models(builder: JobBuilder, types: frozenset[type]) -> Iterator[tuple[str, Any]]:
    """The models of some types in an object, its scrape class and the owner's API server, with the path of each."""
    searched = {
        "spec": builder.object.spec,
        f"scrape class {builder.scrape_class.name}" if builder.scrape_class else "": builder.scrape_class,
        "apiServerConfig of the agent": builder.context.api_server,
    }
    return chain.from_iterable(walk(value, path, types) for path, value in searched.items())

"""The recorded cases in `test/golden/scrape`, and what this package makes of them.

A case is objects of a cluster and what the Go operator makes of them. Of the outcome, only what is decided here is
compared: configuration files, files to mount, and which objects are applied. Documents are read as vmagent reads them.
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

from vmagent_operator.api.kinds import BY_NAME, SCRAPE_KINDS, VMAGENT, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired import names
from vmagent_operator.desired.vmagent import features
from vmagent_operator.desired.vmagent.desired import self_scrape
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.scrape.config import Configuration, configuration
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.scrape.selection import Selection, select
from vmagent_operator.scrape.text import goyaml
from vmagent_operator.settings import Settings, load

CASES = Path(__file__).parent.parent / "golden" / "scrape"
Document = dict[str, Any]
Difference = tuple[str, Any, Any]


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads `=` and `<<` that stand for values as text, which is how the Go operator's library writes them."""


for _tag in ("value", "merge"):
    Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", Loader.construct_scalar)


@frozen(eq=False)
class Cluster:
    """The objects of a case."""

    custom: tuple[CustomObject[Any], ...]
    namespaces: dict[str, dict[str, str]]
    values: SecretSnapshot
    settings: Settings

    def agents(self) -> Iterator[CustomObject[Any]]:
        """The agents that are configured, in the order of the file."""
        for obj in self.custom:
            spec: Any = obj.spec
            if obj.kind is VMAGENT and spec is not None and not (spec.paused or spec.scraping.ingest_only_mode):
                yield obj

    def selection(self, agent: CustomObject[Any]) -> Selection:
        """What `agent` picks, its own scrape object among the candidates."""
        own = self_scrape(agent, self.settings)
        candidates = [*self.custom, *([read(own)] if own else [])]
        by_kind = {kind: [o for o in candidates if o.kind is kind] for kind in SCRAPE_KINDS}
        return select(scrape_owner(agent, self.settings), by_kind, self.namespaces)

    def configured(self, agent: CustomObject[Any]) -> Configuration:
        """The configuration of `agent`."""
        return configuration(scrape_owner(agent, self.settings), self.selection(agent), self.values)


def documents(path: Path) -> list[Document]:
    """The documents of a YAML file."""
    return [document for document in yaml.load_all(path.read_text(), Loader=Loader) if document]


def cluster(case: Path) -> Cluster:
    """The cluster that a case starts from."""
    given = documents(case / "given.yaml")
    meta = documents(case / "case.yaml")[0] if (case / "case.yaml").exists() else {}
    environ = {key: str(value) for key, value in (meta.get("env") or {}).items()}
    contents = {
        Reference(raw["kind"], raw["metadata"]["namespace"], raw["metadata"]["name"]): _texts(raw)
        for raw in given
        if raw["kind"] in ("Secret", "ConfigMap")
    }
    return Cluster(
        custom=tuple(read(raw) for raw in given if raw["kind"] in BY_NAME),
        namespaces={
            raw["metadata"]["name"]: raw["metadata"].get("labels") or {} for raw in given if raw["kind"] == "Namespace"
        },
        values=SecretSnapshot(contents),
        settings=load(environ),
    )


def differences(case: Path) -> list[Difference]:
    """Where the outcome of a case is another than recorded, wanted deviations left out: path, recorded, ours."""
    start = cluster(case)
    want = {_key(d): d for d in documents(case / "want.yaml") if "kind" in d}
    fails = any("errors" in d for d in documents(case / "want.yaml"))
    found: list[Difference] = []
    for agent in start.agents():
        status = f".VMAgent/{agent.key}.status"
        try:
            done = start.configured(agent)
        except OwnerError as error:
            found += [] if fails else [(status, "operational", str(error))]
            continue
        found += [(status, "failed", "operational")] if fails else []
        found += [(status, "no faults", done.faults)] if done.faults else []
        found += _file_differences(agent, want, done)
        found += _status_differences(agent, want, done)
    waived = _deviations().get(case.name, [])
    return [d for d in found if not d[0].startswith(tuple(waived))]


def texts(agent: CustomObject[Any], done: Configuration) -> dict[str, dict[str, str]]:
    """The texts that `agent` gets, by Secret and key as in a recorded outcome."""
    component = features.component(agent, load({}))
    overflow = {
        f"Secret/{agent.namespace}/{names.overflow(component, number)}": {"jobs.yaml": jobs.text.decode()}
        for number, jobs in enumerate(done.overflow, 1)
    }
    return {
        f"Secret/{agent.namespace}/{names.config(component)}": {"vmagent.yaml.gz": done.main.text.decode()},
        f"Secret/{agent.namespace}/{names.tls_assets(component)}": dict(done.assets),
        **overflow,
    }


def differ(want: Any, got: Any, path: str) -> Iterator[Difference]:
    """Where two values differ; the order of keys does not count, that of lists does."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(want.keys() | got.keys(), key=str):
            yield from differ(want.get(key, "<absent>"), got.get(key, "<absent>"), f"{path}.{key}")
    elif isinstance(want, list) and isinstance(got, list):
        for index in range(max(len(want), len(got))):
            mine, theirs = (x[index] if index < len(x) else "<absent>" for x in (got, want))
            yield from differ(theirs, mine, f"{path}[{index}]")
    elif want != got or type(want) is not type(got):
        yield path, want, got


def _file_differences(agent: CustomObject[Any], want: dict[str, Document], done: Configuration) -> Iterator[Difference]:
    for key, files in texts(agent, done).items():
        recorded = (want.get(key) or {}).get("decoded") or {}
        if key not in want:
            continue
        if "vmagent.yaml.gz" in files:  # the Secret holds credentials of remote writes as well
            recorded = {"vmagent.yaml.gz": recorded["vmagent.yaml.gz"]}
        yield from differ(_read(recorded), _read(files), f".{key}.decoded")


def _status_differences(
    agent: CustomObject[Any], want: dict[str, Document], done: Configuration
) -> Iterator[Difference]:
    type_name = f"{agent.name}.{agent.namespace}.vmagent.victoriametrics.com/Applied"
    ours = {_object_key(o): "True" for o in done.applied} | {_object_key(f.object): "False" for f in done.findings}
    theirs = {
        key: condition["status"]
        for key, document in want.items()
        for condition in (document.get("status") or {}).get("conditions") or ()
        if condition["type"] == type_name
    }
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key) and key in want:
            yield f".{key}.status", theirs.get(key), ours.get(key)


def _read(files: dict[str, str]) -> dict[str, Any]:
    return {name: goyaml.load(text) if name.endswith((".gz", ".yaml")) else text for name, text in files.items()}


def _deviations() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    files = (CASES / "wanted-deviations.txt", CASES.parent / "deviations.txt")
    for line in (line for file in files for line in file.read_text().splitlines()):
        name, _, prefix = line.split(" #")[0].partition(":")
        if prefix:
            found.setdefault(name.strip(), []).append(prefix.strip())
    return found


def _texts(raw: Document) -> dict[str, str]:
    data = raw.get("data") or {}
    if raw["kind"] == "Secret":
        data = {key: base64.b64decode(text).decode("utf-8", "surrogateescape") for key, text in data.items()}
    return data | (raw.get("stringData") or {})


def _key(document: Document) -> str:
    metadata = document["metadata"]
    return f"{document['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"


def _object_key(obj: CustomObject[Any]) -> str:
    return f"{obj.kind.name}/{obj.key}"

"""A text stays a text: whatever stands in a field, vmagent reads the same structure and in it that very text."""

import random
import subprocess
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.golden.compare import GoLoader
from test.properties import sample
from test.properties.sample import Property
from test.properties.world import Refused, World
from vmagent_operator.api.core import SecretKeySelector
from vmagent_operator.api.kinds import KINDS, VMSTATICSCRAPE, Kind
from vmagent_operator.api.relabel import NULL_TEXTS
from vmagent_operator.controller.kinds import BY_KIND
from vmagent_operator.model.encode import to_config
from vmagent_operator.model.fields import IntOrString, List, Map, Scalar, StringOrList
from vmagent_operator.scrape.checks import special
from vmagent_operator.scrape.jobs.relabel import sanitized
from vmagent_operator.scrape.references import SELECTORS, Reference, SecretResolver, SecretSnapshot
from vmagent_operator.scrape.text import emit

HERE = Path(__file__).parent
WORLD = World(HERE / "world.yaml")
PIECES: list[str] = yaml.safe_load((HERE / "hostile.yaml").read_text())
HARMLESS = "harmless"
SANITIZED = frozenset(("job_label", "target_labels", "pod_target_labels", "key"))
"""Attributes that name labels of discovered objects, which appear as Kubernetes discovery spells them."""

FORWARDED = frozenset(("serviceScrapeSpec", "managedMetadata"))
"""Fields of an agent that reach its own scrape object, which is left out like any other if they are wrong."""


def _texts() -> list[str]:
    """A thousand different texts, none of them empty."""
    chosen, found = random.Random(1), dict.fromkeys(PIECES)
    while len(found) < 1000:
        found["".join(chosen.choices(PIECES, k=chosen.randint(2, 5)))] = None
    return list(found)


TEXTS = _texts()


def _is_text(at: Property) -> bool:
    """Whether a property is a free text or made of some. What names a Secret must name one that there is."""
    if at.entry.owner in SELECTORS or at.entry.slot.name == "operator":
        return False
    if at.path[0] in FORWARDED:
        return False
    shape = at.entry.shape
    while isinstance(shape, List | Map):
        shape = shape.item
    return shape == Scalar(str) or isinstance(shape, IntOrString | StringOrList)


def _variants(at: Property, text: str) -> Iterator[Any]:
    """`text` in each place that a property has for one."""
    if at.entry.slot.name == "headers":
        text = f"Name: {text}"
    match at.entry.shape:
        case Map(item=List()):
            yield from ({"key": [text]}, {text: ["value"]})
        case Map():
            yield from ({"key": text}, {text: "value"})
        case List():
            yield [text]
        case StringOrList():
            yield from (text, [text, "more"])
        case _:
            yield text


def _read(kind: Kind[Any], at: Property, value: Any) -> Any:
    """What vmagent reads of a document with `value` at a property; None if that is refused."""
    document = sample.document(kind.spec_class, at.path, full=False)
    try:
        files = WORLD.files(kind, sample.replaced(document, at.path, value))
    except Refused:
        return None
    return {name: _unguarded(yaml.load(text, Loader=GoLoader)) for name, text in files.items()}


def _unguarded(value: Any) -> Any:
    """`value` without the rules that stand only where a text may be the name of a label that stops vmagent."""
    if isinstance(value, dict):
        return {key: _unguarded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unguarded(inner) for inner in value if not (isinstance(inner, dict) and _is_guard(inner))]
    return value


def _is_guard(rule: dict[str, Any]) -> bool:
    return rule.get("regex") in [*special.HARMLESS] and rule.keys() == {"action", "if", "regex"}


def _replaced(value: Any, old: str, text: str) -> Any:
    """`value` with `text` in the place of `old`."""
    if isinstance(value, dict):
        return {_replaced(key, old, text): _replaced(inner, old, text) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, old, text) for inner in value]
    return value.replace(old, text) if isinstance(value, str) else value


def _known(at: Property) -> str:
    """The text of a valid value, for a property that is not free after all."""
    value = at.entry.values()[0]
    return str(value[0] if isinstance(value, list) else value)


def _faults(kind: Kind[Any], at: Property, texts: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Texts that come back as something else, with the property, or that change what stands around them."""
    for number, value in enumerate(_variants(at, HARMLESS)):
        old, before = HARMLESS, _read(kind, at, value)
        if before is None:
            old = _known(at)
            before = _read(kind, at, list(_variants(at, old))[number])
        if before is None or old not in repr(before):
            yield from () if kind.name in BY_KIND else [(str(at), "is not there at all")]  # but in objects and flags
            continue
        for text in islice(texts, 1 if kind.name in BY_KIND else 3):
            if isinstance(at.entry.shape, StringOrList) and text in NULL_TEXTS:
                continue  # stays in a list, see scalar_or_list
            label = sanitized(text) if at.entry.slot.name in SANITIZED else text
            after = _read(kind, at, list(_variants(at, text))[number])
            if after is not None and after != _replaced(before, old, label):
                yield str(at), text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_text_is_read_as_that_text(kind: Kind[Any]) -> None:
    places = [at for at in sample.properties(kind.spec_class) if _is_text(at) and not sample.is_inert(kind.name, at)]
    texts = cycle(random.Random(kind.name).sample(TEXTS, len(TEXTS)))
    assert [fault for at in places for fault in _faults(kind, at, texts)] == []


@pytest.mark.parametrize("start", range(0, len(TEXTS), 100))
def test_each_text_is_read_as_that_text(start: int) -> None:
    texts = TEXTS[start : start + 100]
    endpoints = [{"targets": [text, f"- {text}"], "labels": {text: text}, "path": text} for text in texts]
    (file,) = WORLD.files(VMSTATICSCRAPE, {"targetEndpoints": endpoints}).values()
    jobs = yaml.load(file, Loader=GoLoader)
    assert [job["static_configs"][0]["targets"] for job in jobs] == [[text, f"- {text}"] for text in texts]
    assert [job["static_configs"][0]["labels"] for job in jobs] == [{text: text} for text in texts]
    assert [job["metrics_path"] for job in jobs] == texts


@pytest.mark.parametrize("start", range(0, len(TEXTS), 100))
def test_each_secret_is_read_as_that_text(start: int) -> None:
    texts = [text for text in TEXTS[start : start + 100] if text not in NULL_TEXTS]
    scope = SecretResolver(
        SecretSnapshot({Reference("Secret", "", "some"): dict(zip(texts, texts, strict=True))}, trim=False), ""
    )
    found = [to_config(SecretKeySelector(name="some", key=text), scope) for text in texts]
    assert yaml.load(emit.dump({"passwords": found}), Loader=GoLoader) == {"passwords": texts}


@pytest.mark.vmagent
def test_vmagent_takes_all_of_them_without_a_complaint(vmagent: Path, tmp_path: Path) -> None:
    rules = [[{"targetLabel": "a", "replacement": text, "separator": text}] for text in TEXTS]
    endpoints = [
        {"targets": ["a"], "labels": {"a": text}, "path": text, "params": {text: [text]}, "relabelConfigs": rule}
        for text, rule in zip(TEXTS, rules, strict=True)
    ]
    (jobs,) = WORLD.files(VMSTATICSCRAPE, {"targetEndpoints": endpoints}).values()
    file = tmp_path / "vmagent.yaml"
    file.write_text(f"scrape_configs:\n{jobs}")
    flags = ["-dryRun", f"-promscrape.config={file}", "-remoteWrite.url=http://a", "-loggerLevel=WARN"]
    run = subprocess.run([vmagent, *flags], env={}, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")

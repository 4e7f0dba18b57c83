"""Every field of the four source schemas is mapped, or named as lost."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from test.convert.recorded import spec_schema
from vmagent_operator.api.kinds import Kind
from vmagent_operator.convert.sources import BY_NAME, SOURCES, Converted, convert, read
from vmagent_operator.convert.table import LOSSES, UNKNOWN
from vmagent_operator.model.decode import decode
from vmagent_operator.settings import load

SETTINGS = load({})
SAMPLES = ("x", "y", "http://x/y", "http://x/z", "1m", "2m", "16MB", "17MB", "a.json", "b.json", "1", "2")
Schema = Mapping[str, Any]


def leaves(schema: Schema, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all fields that hold a value; `[]` and `{}` stand for an item."""
    if properties := schema.get("properties"):
        for key, below in properties.items():
            yield from leaves(below, (*path, key))
    elif schema.get("type") == "array":
        yield from leaves(schema["items"], (*path, "[]"))
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from leaves(schema["additionalProperties"], (*path, "{}"))
    else:
        yield path


def values(schema: Schema) -> list[Any]:
    """Several values that a field admits."""
    if "enum" in schema:
        return list(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return ["1", "2"]
    match schema.get("type"):
        case "boolean":
            return [True, False]
        case "integer":
            return [7, 8]
    return [text for text in SAMPLES if re.search(schema.get("pattern", ""), text)][:2]


def document(schema: Schema, path: tuple[str, ...] = (), index: int = 0) -> Any:
    """The least that the schema admits, with the field at `path` at its `index`-th value."""
    head, *rest = path or ("",)
    if properties := schema.get("properties"):
        wanted = dict.fromkeys(schema.get("required", ())) | ({head: None} if head else {})
        return {
            key: document(properties[key], tuple(rest), index) if key == head else document(properties[key])
            for key in wanted
        }
    if schema.get("type") == "array":
        return [document(schema["items"], tuple(rest), index)]
    if isinstance(schema.get("additionalProperties"), dict):
        return {"k": document(schema["additionalProperties"], tuple(rest), index)} if head else {}
    return values(schema)[index]


def of(kind: Kind[Any], spec: Any) -> Converted:
    """What an object of the kind with this spec becomes."""
    return convert(
        read(kind, {"kind": kind.name, "metadata": {"namespace": "mon", "name": "a"}, "spec": spec}), SETTINGS
    )


def shown(path: tuple[str, ...]) -> str:
    """The path as losses name it."""
    text = "spec"
    for step in path:
        text += "[0]" if step == "[]" else ".k" if step == "{}" else f".{step}"
    return text


FIELDS = [(source.kind, key) for source in SOURCES for key in spec_schema(source.kind)["properties"]]
BESIDE = {"bodySizeLimit": {"podMetricsEndpoints": [{}]}, "params": {"params": [{"name": "x", "values": ["y"]}]}}
"""What a field needs beside it to have an effect, by key."""


def at(schema: Schema, path: tuple[str, ...]) -> Schema:
    """The schema of the field at `path`."""
    for step in path:
        schema = {"[]": schema.get("items"), "{}": schema.get("additionalProperties")}.get(step) or schema[
            "properties"
        ][step]
    return schema


@pytest.mark.parametrize(("kind", "key"), FIELDS, ids=[f"{kind.name}.{key}" for kind, key in FIELDS])
def test_every_field_is_mapped_or_named(kind: Kind[Any], key: str) -> None:
    schema = spec_schema(kind)
    silent = [shown(path) for path in leaves(schema["properties"][key], (key,)) if not _has_effect(kind, schema, path)]
    assert silent == []


def _has_effect(kind: Kind[Any], schema: Schema, path: tuple[str, ...]) -> bool:
    """Whether some value of the field is named as lost, or two lead to different specs."""
    beside = BESIDE.get(path[0], {}) if path[0] == "bodySizeLimit" or path[-1] == "name" else {}
    documents = [document(schema, path, index) for index in range(len(values(at(schema, path))))]
    made = [of(kind, _joined(beside, spec)) for spec in documents]
    assert not [each.error for each in made if each.error]
    lost = [loss.path for each in made for loss in each.losses]
    specs = [each.manifest["spec"] for each in made if each.manifest]
    assert [_unknown(kind, spec) for spec in specs] == [()] * len(made)
    return any(shown(path).startswith(loss) for loss in lost) or any(spec != specs[0] for spec in specs)


def _unknown(kind: Kind[Any], spec: Any) -> tuple[str, ...]:
    """Keys of a target's spec that the target's kind does not have: an API server would drop them without a word."""
    return decode(BY_NAME[kind.name].target.spec_class, spec).unknown


def _joined(beside: Any, spec: Any) -> Any:
    """`spec` with what it lacks of `beside`."""
    if isinstance(beside, dict) and isinstance(spec, dict):
        return beside | {key: _joined(beside.get(key), value) for key, value in spec.items()}
    if isinstance(beside, list) and isinstance(spec, list):
        return [_joined(*pair) for pair in zip(beside, spec, strict=True)]
    return spec


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.kind.name)
def test_a_switch_that_is_off_is_no_loss(source: Any) -> None:
    schema = spec_schema(source.kind)
    switches = [path for path in leaves(schema) if at(schema, path).get("type") == "boolean"]
    assert switches
    for path in switches:
        made = of(source.kind, document(schema, path, index=1))
        # Redirects are followed unless that is switched off.
        assert shown(path) not in [loss.path for loss in made.losses] or path[-1] == "followRedirects"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.kind.name)
def test_no_field_is_unknown(source: Any) -> None:
    schema = spec_schema(source.kind)
    for path in leaves(schema):
        made = of(source.kind, document(schema, path))
        assert not [str(loss) for loss in made.losses if loss.why == UNKNOWN]


def test_an_object_of_unknown_fields_is_named_in_part() -> None:
    made = of(SOURCES[0].kind, {"selector": {}, "endpoints": []} | {f"{'x' * 10_000}{n}": 1 for n in range(5000)})
    assert (len(made.losses), made.unnamed) == (LOSSES, 5000 - LOSSES)
    assert made.manifest is not None
    assert len(made.manifest["metadata"]["annotations"]["operator.victoriametrics.com/not-converted"]) < 10_000
    assert made.lost.endswith("; 4900 more")


def test_what_nobody_knows_is_named() -> None:
    made = of(SOURCES[0].kind, {"selector": {}, "endpoints": [{"port": "a", "porte": "b", "path": None}], "new": 1})
    assert [str(loss) for loss in made.losses] == [f"spec.endpoints[0].porte: {UNKNOWN}", f"spec.new: {UNKNOWN}"]


def test_rules_of_a_probe_about_what_is_set_after_them_are_named_but_not_on_the_target() -> None:
    rules = [
        {"sourceLabels": ["instance"], "targetLabel": "page"},
        {"sourceLabels": ["__param_target"], "targetLabel": "page"},
        {"sourceLabels": ["page"], "targetLabel": "instance"},
        {"sourceLabels": ["page"], "targetLabel": "job"},
    ]
    spec = {"prober": {"url": "a"}, "targets": {"staticConfig": {"static": ["b"], "relabelingConfigs": rules}}}
    at = "spec.targets.staticConfig.relabelingConfigs"
    wanted = [f"{at}[{index}]: instance is set after the rules of a VMProbe" for index in (0, 2)]
    made = of(SOURCES[2].kind, spec)
    assert [str(loss) for loss in made.losses] == wanted
    made = of(SOURCES[2].kind, spec | {"jobName": "pages"})
    assert [str(loss) for loss in made.losses] == [*wanted, f"{at}[3]: job is set after the rules of a VMProbe"]
    assert made.manifest is not None
    assert "annotations" not in made.manifest["metadata"]
    spec["targets"] = {"staticConfig": None, "ingress": {"relabelingConfigs": rules[1:3]}, "more": 1}
    assert "spec.targets.ingress.relabelingConfigs[1]: instance" in of(SOURCES[2].kind, spec).lost

"""Whatever the schemas of the sources admit, and whatever they do not, is converted or refused with a reason."""

from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from test.api.strategies import documents
from test.convert.recorded import differences, spec_schema
from vmagent_operator.api import crd
from vmagent_operator.convert import metadata, predecessor
from vmagent_operator.convert.sources import SOURCES, Source, convert, read
from vmagent_operator.model.decode import decode
from vmagent_operator.settings import load

SETTINGS = load({})
kinds = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.kind.name)
relaxed = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=10,
)


def given_object(source: Source, spec: Any) -> dict[str, Any]:
    """An object of the kind with this spec."""
    return {"kind": source.kind.name, "metadata": {"namespace": "mon", "name": "a"}, "spec": spec}


@relaxed
@given(data=st.data())
@kinds
def test_what_the_source_schema_admits_becomes_what_ours_admits(source: Source, data: st.DataObject) -> None:
    spec = data.draw(documents(spec_schema(source.kind)))
    made = convert(read(source.kind, given_object(source, spec)), SETTINGS)
    assert made.error == ""
    assert made.manifest is not None
    assert decode(source.target.spec_class, made.manifest["spec"]).unknown == ()
    version = crd.manifest(source.target)["spec"]["versions"][0]
    jsonschema.validate(made.manifest["spec"], version["schema"]["openAPIV3Schema"]["properties"]["spec"])


@relaxed
@given(data=st.data())
@kinds
def test_anything_else_is_refused_with_its_path(source: Source, data: st.DataObject) -> None:
    schema = spec_schema(source.kind)
    spec = data.draw(documents(schema))
    key = data.draw(st.sampled_from(sorted(schema["properties"])))
    made = convert(read(source.kind, given_object(source, spec | {key: data.draw(JSON)})), SETTINGS)
    assert (made.manifest is None) == bool(made.error)
    assert made.error == "" or made.error.startswith("spec.")


@kinds
@pytest.mark.parametrize("own", [None, [], {"name": 1}, {"name": "a", "labels": []}, {"annotations": {"a": {}}}])
@pytest.mark.parametrize("spec", [None, [], "x", 0, {"endpoints": None}])
def test_no_shape_of_an_object_is_an_exception(source: Source, own: Any, spec: Any) -> None:
    convert(read(source.kind, {"kind": source.kind.name, "metadata": own, "spec": spec}), SETTINGS)


@relaxed
@given(data=st.data())
@kinds
def test_whatever_has_the_name_of_a_source_is_judged(source: Source, data: st.DataObject) -> None:
    spec = data.draw(documents(spec_schema(source.kind)))
    found = read(source.kind, given_object(source, spec))
    made = convert(found, SETTINGS)
    assert made.manifest is not None
    texts = st.dictionaries(st.sampled_from([metadata.LAST_APPLIED, predecessor.TRACKING]), st.text())
    live = {"metadata": {"annotations": data.draw(texts)}, "spec": data.draw(JSON)}
    doubt = predecessor.doubt(found, live, {"labels": (), "annotations": ()}, SETTINGS)
    assert doubt.startswith("its spec") or not any(differences(live["spec"], None))

"""What holds for every field table, with the tables themselves as strategies."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from test.api.recorded import spec_schema
from test.api.strategies import documents, models, parts
from vmagent_operator.api.kinds import KINDS, Kind
from vmagent_operator.model.decode import decode
from vmagent_operator.model.encode import to_json
from vmagent_operator.model.fields import slots

TABLES = sorted(frozenset[type]().union(*(parts(kind.spec_class) for kind in KINDS)), key=lambda cls: cls.__name__)
relaxed = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("cls", TABLES, ids=lambda cls: cls.__name__)
def test_every_field_is_described_in_one_sentence(cls: type) -> None:
    for slot in slots(cls):
        doc = slot.field.doc
        assert slot.inline or (doc.endswith(".") and "\n" not in doc), f"{cls.__name__}.{slot.name}"


@relaxed
@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_json_of_a_spec_reads_back_as_the_same_spec(kind: Kind[Any], data: st.DataObject) -> None:
    spec = data.draw(models(kind.spec_class))
    decoded = decode(kind.spec_class, to_json(spec))
    assert decoded.value == spec
    assert decoded.unknown == ()


@relaxed
@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_the_recorded_schema_accepts_is_never_refused(kind: Kind[Any], data: st.DataObject) -> None:
    assert decode(kind.spec_class, data.draw(documents(spec_schema(kind)))).unknown == ()

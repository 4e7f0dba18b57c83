"""Which agents write every sample to a database more than once."""

import pytest

from test.scrape.cases import agent, obj
from vmagent_operator.desired.around.writers import pairs
from vmagent_operator.model.decode import Manifest


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({"replicaCount": 2}, True),
        ({"replicaCount": 1}, False),
        ({"replicaCount": 0}, False),
        ({}, False),
        ({"replicaCount": 3, "remoteWrite": [{"url": "http://elsewhere"}, {"url": "http://db.data.svc:8480/x"}]}, True),
        ({"replicaCount": 3, "remoteWrite": [{"url": "http://db"}]}, False),
        ({"replicaCount": 3, "remoteWrite": [{"url": "http://db.mon"}, {"url": "http://other.data"}]}, False),
        ({"replicaCount": 3, "remoteWrite": [{"url": "http://[db"}, {"url": "/db.data"}]}, False),
    ],
    ids=str,
)
def test_an_agent_counts_that_writes_to_the_database_from_several_pods(spec: Manifest, counts: bool) -> None:
    given = agent({"remoteWrite": [{"url": "http://db.data:8480"}], **spec})
    assert pairs([given], {"db"}, "data") == ({"mon/main"} if counts else set())


def test_a_name_without_a_namespace_is_looked_up_in_that_of_the_agent() -> None:
    assert pairs([agent({"replicaCount": 2, "remoteWrite": [{"url": "http://db"}]})], {"db"}, "mon") == {"mon/main"}


def test_an_agent_that_cannot_be_read_writes_nothing() -> None:
    assert pairs([obj("VMAgent", {"replicaCount": "two"})], {"db"}, "mon") == set()

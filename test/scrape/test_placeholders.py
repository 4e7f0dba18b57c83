"""What a scrape object may have filled in from the environment of vmagent."""

from test.scrape.cases import Case, agent, cases, obj, settings
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.errors import Finding
from vmagent_operator.scrape.fragment import fragment
from vmagent_operator.scrape.references import Reference, SecretSnapshot

VALUES = SecretSnapshot({Reference("Secret", "shop", "s"): {"filled": "x%{REMOTE_TOKEN}", "open": "%{"}})


@cases("placeholders")
def test_placeholders(case: Case) -> None:
    endpoints = [{"targets": ["a"]}, {"targets": ["b"], **case["endpoint"]}]
    made = obj("VMStaticScrape", {"targetEndpoints": endpoints}, namespace="shop", name="x")
    found = fragment(made, context(scrape_owner(agent(case["agent"]), settings())), VALUES)
    assert (found.message if isinstance(found, Finding) else None) == case["want"]


def test_the_node_of_a_daemon_set_is_still_filled_in() -> None:
    owner = agent({"daemonSetMode": True, "arbitraryFSAccessThroughSMs": {"deny": True}})
    made = obj("VMPodScrape", {"podMetricsEndpoints": [{"port": "http"}]}, namespace="shop", name="x")
    found = fragment(made, context(scrape_owner(owner, settings())), VALUES)
    assert not isinstance(found, Finding)
    assert b"spec.nodeName=%{KUBE_NODE_NAME}" in found.entry.text

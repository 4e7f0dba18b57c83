"""Faults of scrape objects and of agents, with the fields they are in."""

from test.scrape.cases import Case, agent, cases, obj, settings
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.scrape.checks import validate
from vmagent_operator.scrape.context import context


@cases("validate")
def test_scrape_object(case: Case) -> None:
    given = case["given"]
    made = obj(given["kind"], given["spec"], annotations=given.get("annotations", {}))
    assert (
        list(validate.scrape_object(made, context(scrape_owner(agent(given.get("agent")), settings())))) == case["want"]
    )


def test_what_would_spoil_the_whole_file_is_a_fault_of_the_agent() -> None:
    made = agent(
        {
            "scrapeInterval": "1sx",
            "globalScrapeRelabelConfigs": [{"action": "keep"}],
            "globalScrapeMetricRelabelConfigs": [{}, {"regex": "("}],
        }
    )
    assert validate.owner(scrape_owner(made, settings())) == (
        "spec.scrapeInterval: '1sx' is no duration such as 30s or 1h30m",
        "spec.globalScrapeRelabelConfigs[0].sourceLabels: required for action keep",
        "spec.globalScrapeMetricRelabelConfigs[1].targetLabel: required for action replace",
        "spec.globalScrapeMetricRelabelConfigs[1].regex: a missing ) in '('",
    )

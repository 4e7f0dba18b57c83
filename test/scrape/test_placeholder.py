"""What vmagent reads where placeholders stand."""

import pytest

from test.scrape.cases import agent, obj, settings
from vmagent_operator.desired.vmagent.features import environment, scrape_owner
from vmagent_operator.scrape.checks.placeholder import Unknown, filled, is_open
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.errors import Finding
from vmagent_operator.scrape.fragment import fragment
from vmagent_operator.scrape.owner import Environment
from vmagent_operator.scrape.references import SecretSnapshot


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a%{A}b%{A}", "a1b1"),
        ("%{1,2}", "%{1,2}"),
        ("%{", "%{"),
        ("%{ %{A}", "%{ %{A}"),
        ("%{}%{A}", "%{}1"),
        ("no", "no"),
        ("a %{A}%{", "a 1%{"),
    ],
)
def test_values_of_the_agent_are_filled_in(text: str, meant: str) -> None:
    assert filled(text, {"A": "1"}) == meant


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("%{A}", "it's"),
        ("%{A}", "null"),
        ("%{A}", "\n"),
        ("%{A}", " 1"),
        ("tru%{A}", "e"),
        ("a%{A}", ": b"),
        ("\t%{A}", '"'),
        ("a\n%{A}", "1"),
    ],
)
def test_a_value_that_would_change_what_the_file_says_is_refused(text: str, value: str) -> None:
    with pytest.raises(Unknown, match=r"%\{A\} does not fit into a line"):
        filled(text, {"A": value})


def test_what_is_not_known_is_named() -> None:
    with pytest.raises(Unknown, match=r"%\{B\} is no variable to which the agent gives a value of its own"):
        filled("%{A}%{B}", {"A": "1"})


def test_only_values_that_stand_there_as_they_are_count() -> None:
    env = [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "$(A)"},
        {"name": "C", "value": "%{A}"},
        {"name": "D", "value": "4"},
    ]
    own = [
        {"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "E", "value": "5"},
        {"name": "F"},
    ]
    made = agent(
        {
            "extraEnvs": env,
            "containers": [{"name": "vmagent", "env": own}, {"name": "other", "env": [{"name": "G", "value": "7"}]}],
        }
    )
    assert environment(made).literal == {"A": "1", "E": "5", "F": ""}


def test_what_is_no_variable_in_a_container_that_is_passed_on_is_passed_over() -> None:
    odd = [5, None, "A", {"value": "x"}, {"name": "A", "value": "1"}]
    for env in (odd, {"name": "B"}, "B", 5):
        made = agent({"containers": [{"name": "vmagent", "env": env}]})
        assert environment(made).literal == ({"A": "1"} if env == odd else {})


def test_a_variable_that_may_be_there_is_not_known_and_one_that_is_not_is_a_fault() -> None:
    literal = {"A": "1"}
    for hidden in (None, frozenset({"B"})):
        assert Environment(literal, hidden).fill("%{A} %{B}") is None
        assert Environment(literal, hidden).fill("%{A}") == "1"
    for none in (frozenset[str](), frozenset({"C"})):
        with pytest.raises(Unknown, match=r"%\{B\}"):
            Environment(literal, none).fill("%{A} %{B}")


@pytest.mark.parametrize(
    ("spec", "hidden"),
    [
        ({}, set()),
        ({"extraEnvs": [{"name": "A", "value": "$(B)"}, {"name": "C", "value": "1"}]}, {"A"}),
        ({"extraEnvsFrom": [{"secretRef": {"name": "a"}}]}, None),
        ({"containers": [{"name": "vmagent", "envFrom": [{"secretRef": {"name": "a"}}]}]}, None),
        ({"containers": [{"name": "other", "envFrom": [{"secretRef": {"name": "a"}}]}]}, set()),
        ({"daemonSetMode": True}, {"KUBE_NODE_NAME"}),
    ],
)
def test_variables_whose_value_is_somewhere_else_are_hidden(spec: dict[str, object], hidden: set[str] | None) -> None:
    assert scrape_owner(agent(spec), settings()).environment.hidden == hidden


@pytest.mark.parametrize("text", ["a: %{A}\nb: '%{B} %{C}'\n", "a: }\n", ""])
def test_placeholders_that_end(text: str) -> None:
    assert not is_open(text)


@pytest.mark.parametrize("text", ["a: %{\n", "a: %{A}\nb: %{\nc: }\n", "%{"])
def test_placeholders_that_reach_into_what_follows(text: str) -> None:
    assert is_open(text)


def test_an_object_cannot_hide_the_placeholders_of_others() -> None:
    made = obj("VMStaticScrape", {"targetEndpoints": [{"targets": ["a:1"], "path": "/%{"}]})
    using = agent({"extraEnvs": [{"name": "EVERY", "value": "1m"}]})
    found = fragment(made, context(scrape_owner(using, settings())), SecretSnapshot({}))
    assert isinstance(found, Finding)
    assert "a placeholder %{ without }" in found.message


def test_bounds_hold_for_an_interval_from_a_variable() -> None:
    owner = agent({"extraEnvs": [{"name": "A", "value": "1s"}], "minScrapeInterval": "30s"})
    made = context(scrape_owner(owner, settings()))
    assert made.interval("%{A}") == "30s"

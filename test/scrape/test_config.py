"""A whole configuration: head, further jobs, and what does not fit."""

import random
from typing import Any

import pytest
import yaml

from test.scrape.cases import agent, obj, settings
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.scrape.config import Configuration, configuration
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.scrape.selection import select

EXTRA = Reference("Secret", "mon", "extra")


def configured(owner: dict[str, Any], *objects: CustomObject[Any], extra: str = "", **environ: str) -> Configuration:
    """The configuration of an agent with `objects` in its cluster and `extra` in the Secret for further jobs."""
    made, with_environ = agent(owner), settings(**environ)
    by_kind = {o.kind: [each for each in objects if each.kind is o.kind] for o in objects}
    by = scrape_owner(made, with_environ)
    return configuration(by, select(by, by_kind, {}), SecretSnapshot({EXTRA: {"jobs": extra}}))


def static(name: str, targets: int = 1) -> CustomObject[Any]:
    """A VMStaticScrape shop/<name>."""
    listed = [f"{name}-{number * 7919 % 10007}:80" for number in range(targets)]
    return obj("VMStaticScrape", {"targetEndpoints": [{"targets": listed}]}, namespace="shop", name=name)


def test_an_agent_without_jobs_has_an_empty_list() -> None:
    assert configured({}).main.text.decode() == (
        "global:\n  scrape_interval: 30s\n  external_labels:\n    prometheus: mon/main\nscrape_configs: []\n"
    )


def test_further_jobs_keep_their_order_and_need_names_of_their_own() -> None:
    owner = {
        "additionalScrapeConfigs": {"name": "extra", "key": "jobs"},
        "inlineScrapeConfig": "- job_name: b\n- 5\n- {}\n- job_name: staticScrape/shop/a/0\n",
    }
    found = configured(owner, static("a"), extra="- &x {job_name: b, sample_limit: 1e3}\n- {<<: *x, job_name: a}\n")
    jobs = found.main.text.decode().partition("scrape_configs:\n")[2]
    assert [line for line in jobs.splitlines() if "job_name" in line or "limit" in line or "{}" in line] == [
        "- job_name: staticScrape/shop/a/0",
        "- job_name: b",
        "  sample_limit: 1000",
        "- job_name: a",
        "  sample_limit: 1000",
    ]
    assert found.faults == (
        "spec.inlineScrapeConfig[0]: there is a job 'b' already",
        "spec.inlineScrapeConfig[1]: expected a mapping",
        "spec.inlineScrapeConfig[2].job_name: required",
        "spec.inlineScrapeConfig[3]: there is a job 'staticScrape/shop/a/0' already",
    )


@pytest.mark.parametrize(
    ("owner", "message"),
    [
        ({"inlineScrapeConfig": "job_name: x"}, "spec.inlineScrapeConfig: expected a list of jobs"),
        (
            {"inlineScrapeConfig": "- {a: 1, a: 2}"},
            "spec.inlineScrapeConfig: line 1: key 'a' is given twice",
        ),
        (
            {"additionalScrapeConfigs": {"name": "gone", "key": "k"}},
            "spec.additionalScrapeConfigs: secret mon/gone not found",
        ),
        ({"scrapeTimeout": "5sx"}, "spec.scrapeTimeout: '5sx' is no duration such as 30s or 1h30m"),
    ],
)
def test_what_is_wrong_with_the_agent_itself_stops_it(owner: dict[str, Any], message: str) -> None:
    with pytest.raises(OwnerError) as caught:
        configured(owner)
    assert str(caught.value) == message


def test_text_without_jobs_is_no_fault() -> None:
    for text in ("", "# nothing", "null", "~", "[]", "--- \n"):
        owner = {"additionalScrapeConfigs": {"name": "extra", "key": "jobs"}, "inlineScrapeConfig": text}
        assert configured(owner, extra=text).main.text.endswith(b"scrape_configs: []\n")


def test_what_does_not_fit_goes_into_further_lists_in_order() -> None:
    objects = [static(f"s{number}", targets=30) for number in range(12)]
    found = configured({}, *objects, VM_CONFIG_DATA_BUDGET_BYTES="400")
    assert len(found.overflow) > 1
    assert b"scrape_config_files:\n- /etc/vm/sc-files/*/jobs.yaml\nscrape_configs:\n" in found.main.text
    whole = b"".join((found.main.text.partition(b"scrape_configs:\n")[2], *(jobs.text for jobs in found.overflow)))
    assert configured({}, *objects).main.text.endswith(whole)


@pytest.mark.parametrize("environ", [{}, {"VM_CONFIG_DATA_BUDGET_BYTES": "0"}])
def test_a_secret_is_filled_to_half_of_what_it_may_hold_unless_the_settings_say_otherwise(
    environ: dict[str, str],
) -> None:
    """The rest is for what stands beside the configuration, and for managed fields."""
    objects = [
        obj("VMStaticScrape", {"targetEndpoints": [{"targets": hosts}]}, name=f"s{number}")
        for number, hosts in enumerate(random_hosts(number) for number in range(10))
    ]
    found = configured({}, *objects, **environ)
    sizes = [len(each.packed) for each in (found.main, *found.overflow)]
    assert len(found.applied) == 10
    assert max(sizes) <= 1 << 19
    assert len(sizes) == 2


def random_hosts(seed: int) -> list[str]:
    """Some 75 kB that do not compress by more than half."""
    return [f"{random.Random(f'{seed} {number}').getrandbits(240):x}:80" for number in range(2300)]


def test_an_object_that_does_not_fit_alone_is_left_out_with_its_files() -> None:
    found = configured({}, static("small"), static("large", targets=2000), VM_CONFIG_DATA_BUDGET_BYTES="1000")
    assert [(f.object.name, f.message) for f in found.findings] == [
        ("large", "its jobs alone exceed 1000 bytes, the most that a Secret may hold")
    ]
    assert [o.name for o in found.applied] == ["small"]
    assert not found.overflow


def test_a_further_job_that_does_not_fit_alone_stops_the_agent() -> None:
    with pytest.raises(OwnerError) as caught:
        configured({"inlineScrapeConfig": "- {job_name: x, sample_limit: 1}"}, VM_CONFIG_DATA_BUDGET_BYTES="10")
    assert str(caught.value) == "job 'x' alone exceeds 10 bytes, the most that a Secret may hold"


def test_equal_objects_in_any_order_give_the_same_bytes() -> None:
    objects = [static(f"s{number}", targets=9) for number in range(12)]
    one, other = (configured({}, *given, VM_CONFIG_DATA_BUDGET_BYTES="500") for given in (objects, reversed(objects)))
    assert (one.main, one.overflow) == (other.main, other.overflow)


def test_where_namespaces_are_watched_a_discovery_looks_into_its_own_but_for_nodes_which_are_in_none() -> None:
    roles = [{"role": role, "namespaces": {"names": ["others"]}} for role in ("pod", "node")]
    made = configured(
        {}, obj("VMScrapeConfig", {"kubernetesSDConfigs": roles}, namespace="shop"), WATCH_NAMESPACE="shop,mon"
    )
    (job,) = yaml.safe_load(made.main.text)["scrape_configs"]
    found = {each["role"]: each.get("namespaces") for each in job["kubernetes_sd_configs"]}
    assert found == {"pod": {"names": ["shop"]}, "node": {"names": ["others"]}}

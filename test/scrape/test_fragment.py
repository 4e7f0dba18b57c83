"""A fragment depends on its object, the agent's context and the contents it names, and is computed once for each."""

import gc
import json
import re
from functools import cache
from typing import Any
from weakref import ref

import pytest
from attrs import evolve

from test.scrape.cases import agent, obj, settings
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.scrape.config import keys
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.errors import Finding
from vmagent_operator.scrape.fragment import Fragment, fragment
from vmagent_operator.scrape.references import Reference, SecretSnapshot
from vmagent_operator.scrape.selection import select

SECRET = Reference("Secret", "shop", "s")
SETTINGS = settings()


def static(endpoint: dict[str, Any], **spec: Any) -> CustomObject[Any]:
    """A VMStaticScrape shop/x with one plain endpoint and `endpoint`."""
    endpoints = [{"targets": ["a"]}, {"targets": ["b"], **endpoint}]
    return obj("VMStaticScrape", {"targetEndpoints": endpoints, **spec}, namespace="shop", name="x")


def made(of: CustomObject[Any], values: SecretSnapshot | None = None, owner: dict[str, Any] | None = None) -> Fragment:
    """The fragment of an object that has one."""
    found = fragment(of, context(scrape_owner(kept_agent(json.dumps(owner)), SETTINGS)), values or SecretSnapshot({}))
    assert isinstance(found, Fragment)
    return found


@cache
def kept_agent(spec: str) -> CustomObject[Any]:
    """An agent that is still there when the next one comes."""
    return agent(json.loads(spec))


def jobs(of: Fragment) -> list[bytes]:
    """The text of each job."""
    return re.split(rb"^(?=- job_name:)", of.entry.text, flags=re.MULTILINE)[1:]


def message(of: CustomObject[Any], values: SecretSnapshot | None = None, owner: dict[str, Any] | None = None) -> str:
    """Why an object has no fragment."""
    found = fragment(of, context(scrape_owner(agent(owner), SETTINGS)), values or SecretSnapshot({}))
    assert isinstance(found, Finding)
    assert found.object is of
    return found.message


def test_jobs_are_elements_of_a_list() -> None:
    found = made(static({}))
    assert found.names == ("staticScrape/shop/x/0", "staticScrape/shop/x/1")
    assert jobs(found)[0].decode() == (
        "- job_name: staticScrape/shop/x/0\n  static_configs:\n  - targets:\n    - a\n"
        "  honor_labels: false\n  relabel_configs: []\n"
    )


def test_agents_with_equal_contexts_share_a_fragment() -> None:
    shared = static({})
    assert made(shared) is made(shared)
    other = made(shared, owner={"enforcedNamespaceLabel": "tenant"})
    assert other is not made(shared)
    assert other is made(shared, owner={"enforcedNamespaceLabel": "tenant", "scrapeInterval": "5s"})


def test_a_changed_content_gives_a_new_fragment_only_where_it_is_named() -> None:
    naming, plain = static({"bearerTokenSecret": {"name": "s", "key": "k"}}), static({})
    before, after = SecretSnapshot({SECRET: {"k": "old"}}), SecretSnapshot({SECRET: {"k": "new"}})
    assert made(naming, before) is made(naming, SecretSnapshot({SECRET: {"k": "old"}}))
    assert made(plain, before) is made(plain, after)
    assert b"bearer_token: new\n" in jobs(made(naming, after))[1]


def test_agents_of_many_contexts_do_not_take_each_others_fragments() -> None:
    kept, owners = static({}), [agent({"enforcedNamespaceLabel": f"tenant{number}"}) for number in range(40)]
    first = [fragment(kept, context(scrape_owner(each, SETTINGS)), SecretSnapshot({})) for each in owners]
    again = [fragment(kept, context(scrape_owner(each, SETTINGS)), SecretSnapshot({})) for each in owners]
    assert all(one is other for one, other in zip(first, again, strict=True))


def test_fragments_go_with_the_last_agent_of_their_context_and_with_their_object() -> None:
    kept, gone, owner = static({}), static({}), agent({"enforcedNamespaceLabel": "former"})
    known = context(scrape_owner(owner, SETTINGS))
    left = [ref(fragment(of, known, SecretSnapshot({}))) for of in (kept, gone)]
    del gone
    gc.collect()
    assert [each() is None for each in left] == [False, True]
    del owner, known
    gc.collect()
    assert left[0]() is None


def test_files_count_only_if_the_whole_object_succeeds() -> None:
    tls = {"tlsConfig": {"ca": {"configMap": {"name": "c", "key": "ca.crt"}}, "keySecret": {"name": "s", "key": "k"}}}
    values = SecretSnapshot({SECRET: {"k": "KEY\n"}, Reference("ConfigMap", "shop", "c"): {"ca.crt": "CA"}})
    assert made(static(tls), values).assets == {"shop_s_k": "KEY", "shop_configmap_c_ca.crt": "CA"}
    reason_of = static(tls | {"bearerTokenSecret": {"name": "s", "key": "gone"}})
    assert message(reason_of, values) == ('spec.targetEndpoints[1].bearerTokenSecret: secret shop/s has no key "gone"')


def test_a_reference_into_nowhere_is_named_with_its_field() -> None:
    basic = {"basicAuth": {"username": {"name": "s", "key": "u"}}}
    assert message(static(basic)) == "spec.targetEndpoints[1].basicAuth.username: secret shop/s not found"
    owner = {"scrapeClasses": [{"name": "c", "default": True, **basic}]}
    assert message(static({}), owner=owner) == "scrape class c.basicAuth.username: secret shop/s not found"
    nameless = static({"authorization": {"credentials": {"key": "k"}}})
    assert message(nameless) == (
        "spec.targetEndpoints[1].authorization.credentials: reference to a secret without a name"
    )


def test_a_credential_that_reads_as_null_is_refused_without_showing_it() -> None:
    token = static({"bearerTokenSecret": {"name": "s", "key": "k"}})
    assert message(token, SecretSnapshot({SECRET: {"k": "null\n"}})) == (
        'spec.targetEndpoints[1].bearerTokenSecret: secret shop/s key "k" holds a word that vmagent reads as null'
    )


def test_credentials_that_exclude_each_other_are_refused_also_if_a_class_brings_them() -> None:
    values = SecretSnapshot({SECRET: {"k": "x"}})
    token = static({"bearerTokenSecret": {"name": "s", "key": "k"}})
    owner = {"scrapeClasses": [{"name": "c", "default": True, "basicAuth": {"username": {"name": "s", "key": "k"}}}]}
    assert made(token, values).names
    assert message(token, values, owner) == (
        "job staticScrape/shop/x/1: basic_auth and bearer_token exclude each other"
    )


@pytest.mark.parametrize(
    ("own", "given", "want"),
    [
        ({"credentialsFile": "/own"}, {"credentialsFile": "/class"}, b"credentials_file: /own"),
        ({"type": "Token"}, {"credentialsFile": "/class"}, b"credentials_file: /class"),
        ({"credentials": {"name": "s", "key": "k"}}, {"credentialsFile": "/class"}, b"credentials: x"),
    ],
)
def test_an_authorization_takes_from_a_class_what_it_lacks(
    own: dict[str, Any], given: dict[str, Any], want: bytes
) -> None:
    owner = {"scrapeClasses": [{"name": "c", "default": True, "authorization": given}]}
    text = jobs(made(static({"authorization": own}), SecretSnapshot({SECRET: {"k": "x"}}), owner))[1]
    assert [line.strip() for line in text.splitlines() if b"credentials" in line] == [want]


def test_values_keep_their_white_space_if_asked_to() -> None:
    token = static({"bearerTokenSecret": {"name": "s", "key": "k"}})
    kept = SecretSnapshot({SECRET: {"k": "x \n"}}, trim=False)
    assert b"  bearer_token: |\n    x \n" in jobs(made(token, kept))[1] or b'"x \\n"' in jobs(made(token, kept))[1]
    assert b"bearer_token: x\n" in jobs(made(token, SecretSnapshot(kept.found)))[1]


def test_listed_and_discovered_targets_of_a_probe_become_jobs_of_their_own() -> None:
    targets = {"static": {"targets": ["https://a"]}, "kubernetes": [{"role": "pod"}, {"role": "ingress"}]}
    mixed = obj("VMProbe", {"vmProberSpec": {"url": "b:1"}, "targets": targets})
    found = made(mixed)
    assert found.names == ("probe/mon/main", "probe/mon/main/1", "probe/mon/main/2")
    listed, pods, ingresses = (job.decode() for job in jobs(found))
    assert "kubernetes_sd_configs" not in listed
    assert "role: ingress" not in pods
    assert "static_configs" not in pods + ingresses
    assert "- target_label: job\n    replacement: probe/mon/main\n" in pods


def test_what_is_looked_up_is_what_objects_and_classes_name_in_the_namespace_of_the_object() -> None:
    owner = agent(
        {
            "additionalScrapeConfigs": {"name": "jobs", "key": "k"},
            "scrapeClasses": [{"name": "c", "tlsConfig": {"ca": {"configMap": {"name": "corp", "key": "ca"}}}}],
        }
    )
    naming = static({"bearerTokenSecret": {"name": "s", "key": "k"}})
    selection = select(scrape_owner(owner, SETTINGS), {naming.kind: [naming]}, {})
    assert keys(scrape_owner(owner, SETTINGS), selection) == {
        SECRET: {"k"},
        Reference("ConfigMap", "shop", "corp"): {"ca"},
        Reference("ConfigMap", "mon", "corp"): {"ca"},
        Reference("Secret", "mon", "jobs"): {"k"},
    }


def test_a_context_lasts_as_long_as_its_agent() -> None:
    owner, others = agent(), evolve(SETTINGS, enforce_endpointslices=True)
    known = context(scrape_owner(owner, SETTINGS))
    assert context(scrape_owner(owner, SETTINGS)) is known
    assert context(scrape_owner(owner, others)) != known


def test_credentials_that_vmagent_would_not_take_cost_the_object_not_only_the_job() -> None:
    both = {"bearerTokenFile": "/t", "authorization": {"credentialsFile": "/c"}}
    assert message(static(both)) == "job staticScrape/shop/x/1: authorization and bearer_token_file exclude each other"
    proxy = {"bearer_token_file": "/t", "authorization": {"credentialsFile": "/c"}}
    through = static({"vm_scrape_params": {"proxy_client_config": proxy}})
    assert message(through) == (
        "job staticScrape/shop/x/1: proxy_authorization and proxy_bearer_token_file exclude each other"
    )


def test_credentials_of_a_proxy_stand_in_the_job_itself() -> None:
    values = SecretSnapshot({SECRET: {"id": "ID", "key": "KEY"}})
    oauth2 = {"client_id": {"secret": {"name": "s", "key": "id"}}, "client_secret": {"name": "s", "key": "key"}}
    through = static({"vm_scrape_params": {"proxy_client_config": {"oauth2": oauth2 | {"token_url": "http://idp"}}}})
    assert (
        jobs(made(through, values))[1]
        .decode()
        .endswith("  proxy_oauth2:\n    client_id: ID\n    client_secret: KEY\n    token_url: http://idp\n")
    )

"""Reading whole objects: what is kept when something is wrong, and the cases of decode.yaml."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from vmagent_operator.api.kinds import KINDS, SCRAPE_KINDS, VMAGENT, VMCLUSTER, VMNODESCRAPE, VMSINGLE, read
from vmagent_operator.api.scraping import ScrapingParams
from vmagent_operator.identity import API_VERSION
from vmagent_operator.model.fields import slots

CASES = list(yaml.safe_load_all((Path(__file__).parent / "decode.yaml").read_text("utf-8")))


def node_scrape(**parts: Any) -> dict[str, Any]:
    """A VMNodeScrape as an API server would send it."""
    return {"apiVersion": API_VERSION, "kind": "VMNodeScrape", "metadata": {"name": "n", "namespace": "ns"}, **parts}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_spec_that_cannot_be_decoded_is_kept_as_its_error(case: dict[str, Any]) -> None:
    raw = {"kind": case["kind"], "metadata": {"name": "n", "namespace": "ns"}, "spec": case["given"]}
    found = read(raw)
    assert found.spec is None
    assert str(found.error) == case["want"]
    assert found.key == "ns/n"


def test_object_is_read() -> None:
    metadata = {
        "name": "n",
        "namespace": "ns",
        "uid": "u",
        "generation": 3,
        "resourceVersion": "12",
        "labels": {"a": "b"},
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["f"],
        "ownerReferences": [{"name": "o"}],
        "managedFields": [],
    }
    found = read(node_scrape(metadata=metadata, spec={"port": "9100", "prot": 1}, status={"reason": "r"}))
    assert found.error is None
    assert found.kind is VMNODESCRAPE
    assert found.spec == VMNODESCRAPE.spec_class(port="9100")
    assert found.unknown == ("spec.prot",)
    assert found.status == {"reason": "r"}
    assert (found.metadata.uid, found.metadata.generation, found.metadata.resource_version) == ("u", 3, "12")
    assert found.metadata.finalizers == ("f",)
    assert found.metadata.owner_references == ({"name": "o"},)
    assert found.is_deleted


def test_absent_spec_is_an_empty_one() -> None:
    assert read(node_scrape()).spec == VMNODESCRAPE.spec_class()
    assert str(read({"kind": "VMAgent", "metadata": {"name": "a"}}).error) == "spec.remoteWrite: required"


def test_wrong_metadata_is_an_error_of_an_object_that_keeps_its_name() -> None:
    found = read(node_scrape(metadata={"name": "n", "namespace": "ns", "labels": {"a": 1}, "finalizers": "f"}))
    assert str(found.error) == (
        "metadata.labels.a: expected string, got integer; metadata.finalizers: expected array, got string"
    )
    assert found.key == "ns/n"
    assert found.metadata.labels == {}
    assert found.spec is None


@pytest.mark.parametrize("metadata", ["x", [1], 7])
def test_metadata_of_another_type_is_an_error(metadata: Any) -> None:
    found = read(node_scrape(metadata=metadata, status="broken"))
    assert str(found.error).startswith("metadata: expected object, got ")
    assert found.key == "/"
    assert found.status == {}


def test_a_new_version_of_an_object_starts_with_an_empty_memo() -> None:
    first = read(node_scrape())
    first.memo["job"] = "text"
    assert read(node_scrape()).memo == {}


def test_registry() -> None:
    assert (VMAGENT, VMSINGLE, VMCLUSTER, *SCRAPE_KINDS) == KINDS
    assert [kind.plural for kind in KINDS] == [f"{kind.name.lower()}s" for kind in KINDS]
    assert [kind.singular for kind in KINDS] == [kind.name.lower() for kind in KINDS]


def test_owners_have_two_selectors_and_a_template_for_every_kind_of_scrape_object() -> None:
    fields = {slot.name for slot in slots(ScrapingParams)}
    selectors = {name for kind in SCRAPE_KINDS for name in (kind.selector, kind.namespace_selector)}
    assert selectors == {name for name in fields if name.endswith("_selector")}
    assert {kind.template for kind in SCRAPE_KINDS} == {name for name in fields if name.endswith("_template")}

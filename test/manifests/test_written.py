"""What is written from the rest of manifests is fresh, and the chart's values, their schema and their defaults agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import yaml

from test.manifests.built import MANIFESTS, build
from test.manifests.written import CHART, leaves, schema, written
from vmagent_operator import __version__

HERE = Path(__file__).parent
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())


def test_what_is_written_is_fresh() -> None:
    assert [str(path) for path, text in written().items() if path.read_text() != text] == []


def test_the_chart_has_no_crd_but_those_that_are_written() -> None:
    assert {*CHART.glob("templates/crds/*")} <= written().keys()


def test_the_single_file_is_what_kustomize_makes() -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    assert tuple(yaml.load_all((MANIFESTS / "install.yaml").read_text(), loader)) == build(".")


def test_a_kind_is_there_before_what_is_of_it() -> None:
    kinds = [item["kind"] for item in build(".")]
    assert kinds.index("Namespace") < kinds.index("ServiceAccount") < kinds.index("Deployment")


def test_the_chart_has_the_version_of_the_package() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_the_schema_takes_the_defaults() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    jsonschema.validate(DEFAULTS, schema())


def test_the_schema_takes_the_values_of_the_go_operators_chart() -> None:
    jsonschema.validate(yaml.safe_load((HERE / "go_chart_values.yaml").read_text()), schema())


def named(values: dict[str, Any], known: set[str], path: str = "") -> set[str]:
    """The values that are set, as far down as `known` knows them."""
    found = set()
    for name, value in values.items():
        at = f"{path}{name}"
        found |= {at} if at in known or not isinstance(value, dict) else named(value, known, f"{at}.")
    return found


def test_every_default_is_in_the_schema_and_every_value_has_one_or_a_reason() -> None:
    known = dict(leaves(schema()))
    assert named(DEFAULTS, {*known}) <= known.keys()
    without = known.keys() - named(DEFAULTS, {*known})
    optional = {name for name in without if not known[name]["description"].startswith("Ignored: ")}
    assert optional == {
        "enabled",
        "podDisruptionBudget.minAvailable",
        "podDisruptionBudget.maxUnavailable",
        *(f"service.{name}" for name in ("clusterIP", "externalIPs", "loadBalancerIP", "loadBalancerSourceRanges")),
        *(
            f"service.{name}"
            for name in ("healthCheckNodePort", "externalTrafficPolicy", "ipFamilyPolicy", "ipFamilies")
        ),
    }

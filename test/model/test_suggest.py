"""What is said about fields that do not exist: a case a line."""

from typing import Annotated

import pytest
from attrs import frozen

from test.model.tables import Discovery
from vmagent_operator.api.kinds import VMAGENT, VMNODESCRAPE, VMSCRAPECONFIG, VMSERVICESCRAPE, Kind
from vmagent_operator.model.fields import Field
from vmagent_operator.model.suggest import meant, suggestion


@pytest.mark.parametrize(
    ("kind", "path", "want"),
    [
        (VMSERVICESCRAPE, "spec.endpoints[0].metricRelabelings", "did you mean metricRelabelConfigs?"),
        (VMSERVICESCRAPE, "spec.endpoints[0].relabelings", "did you mean relabelConfigs?"),
        (VMSERVICESCRAPE, "spec.endpoints[0].metricRelabelConfigs[2].sourcelabels", "did you mean sourceLabels?"),
        (VMSERVICESCRAPE, "spec.selector.app", "its fields are matchExpressions, matchLabels"),
        (VMSERVICESCRAPE, "spec.endpoints[0].zzz", ""),
        (VMAGENT, "spec.remoteWrite[1].tlsConfig.insecure_skip_verify", "did you mean insecureSkipVerify?"),
        (VMAGENT, "spec.replicas", "did you mean replicaCount?"),
        (VMSCRAPECONFIG, "spec.metricsPath", "did you mean path?"),
        (VMNODESCRAPE, "spec.endpoints", ""),
        (VMAGENT, "spec.nothing.at.all", ""),
        (VMAGENT, "spec.image.repo.x", ""),
    ],
)
def test_the_nearest_field_is_named(kind: Kind[object], path: str, want: str) -> None:
    assert suggestion(kind.spec_class, path) == want


@frozen(kw_only=True)
class Four:
    """As many fields as can be named."""

    url: Annotated[str, Field("")] = ""
    port: Annotated[str, Field("")] = ""
    scrape_port: Annotated[str, Field("")] = ""
    four: Annotated[str, Field("")] = ""


@frozen(kw_only=True)
class Five:
    """One more."""

    four: Annotated[Four | None, Field("", inline=True)] = None
    path: Annotated[tuple[tuple[Four, ...], ...], Field("")] = ()


@pytest.mark.parametrize(
    ("cls", "path", "want"),
    [
        (Four, "spec.zzz", "its fields are four, port, scrapePort, url"),
        (Five, "spec.path[0][1].zzz", "its fields are four, port, scrapePort, url"),
        (Four, "spec.curling9", "its fields are four, port, scrapePort, url"),
        (Four, "spec.theVeryOldScrapePortOfMine", "did you mean scrapePort?"),
        (Five, "spec.zzz", ""),
        (Five, "spec.paths", "did you mean path?"),
        (Five, "spec.pathOfMine", "did you mean path?"),
        (Discovery, "spec.token.nmae", "did you mean name?"),
        (Discovery, "spec.source_lables", "did you mean source_labels?"),
    ],
)
def test_where_nothing_is_like_it_few_fields_are_named_and_many_are_not(cls: type, path: str, want: str) -> None:
    assert suggestion(cls, path) == want


@pytest.mark.parametrize(
    ("strange", "known", "want"),
    [
        ("Keep", ["drop", "keep"], " (did you mean keep?)"),
        ("keep ", ["KEEP", "keep"], " (did you mean KEEP?)"),
        ("nothing", ["drop", "keep"], ""),
        (5, ["5"], ""),
    ],
)
def test_a_word_is_compared_whatever_its_case(strange: object, known: list[str], want: str) -> None:
    assert meant(strange, known) == want

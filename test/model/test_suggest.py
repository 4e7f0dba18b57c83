"""What is said about fields that do not exist: a case a line."""

import pytest

from vmagent_operator.api.kinds import VMAGENT, VMNODESCRAPE, VMSCRAPECONFIG, VMSERVICESCRAPE, Kind
from vmagent_operator.model.suggest import suggestion


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
    ],
)
def test_the_nearest_field_is_named(kind: Kind[object], path: str, want: str) -> None:
    assert suggestion(kind.spec_class, path) == want

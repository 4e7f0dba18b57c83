"""The control plane as a pytest fixture: one for the whole session, started by the first test that asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from test.controlplane.binaries import Unavailable
from test.controlplane.cluster import Cluster, cluster


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    """A real cluster; tests that ask for it are marked `cluster` and get their own namespaces from it."""
    try:
        with cluster() as found:
            yield found
    except Unavailable as reason:
        pytest.fail(f"no control plane: {reason}")


@pytest.fixture(scope="session")
def controllers(control_plane: Cluster) -> Cluster:
    """`control_plane`, for tests that need Deployments rolled out and garbage collected."""
    if not control_plane.has_controllers:
        pytest.skip("the servers of KUBEBUILDER_ASSETS have no controllers")
    return control_plane

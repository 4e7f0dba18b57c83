"""The real programs, built once from Go modules."""

from pathlib import Path

import pytest

from test.controlplane.binaries import Unavailable, victoria


@pytest.fixture(scope="session")
def vmagent() -> Path:
    """The vmagent binary; without it and without Go to build it, its tests are skipped."""
    return _program("vmagent")


@pytest.fixture(scope="session")
def victoria_metrics() -> Path:
    """The binary of a single-node VictoriaMetrics."""
    return _program("victoria-metrics")


def _program(name: str) -> Path:
    try:
        return victoria(name)
    except Unavailable as reason:
        pytest.skip(str(reason))

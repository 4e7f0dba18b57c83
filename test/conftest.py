"""Fixtures that every test may ask for."""

from test.controlplane.fixture import control_plane, controllers

__all__ = ["control_plane", "controllers"]

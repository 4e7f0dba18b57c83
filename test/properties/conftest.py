"""Fixtures of these tests."""

from test.vmagent.conftest import vmagent

__all__ = ["vmagent"]

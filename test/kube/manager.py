"""A field manager for the tests, with an earlier operator whose objects it takes over."""

from vmagent_operator.kube.fieldmanager import FieldManager

MANAGER = FieldManager(name="me", upgrades_label="managed-by", upgrades_finalizer="example.com/earlier")

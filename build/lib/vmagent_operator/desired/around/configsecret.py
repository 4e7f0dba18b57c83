"""Secrets that hold the scrape configuration and the copied credentials."""

import base64
from collections.abc import Mapping

from vmagent_operator.desired import labels, names
from vmagent_operator.desired.component import Component
from vmagent_operator.identity import OVERFLOW_LABEL
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.pack import Bucket

OVERFLOW_KEY = "jobs.yaml"


def secret(component: Component, name: str, data: Mapping[str, bytes]) -> Manifest:
    """A generated Secret; managed annotations do not reach it, and without data it has no such key."""
    metadata = labels.meta(component, name)
    metadata["annotations"] = {**component.settings.common_annotations, "generated": "true"}
    manifest: Manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    if data:
        manifest["data"] = {key: base64.b64encode(data[key]).decode() for key in sorted(data)}
    return manifest


def overflow(component: Component, number: int, jobs: Bucket) -> Manifest:
    """The Secret `number` (from 1) of those with the jobs that the main one had no room for."""
    manifest = secret(component, names.overflow(component, number), {OVERFLOW_KEY: jobs.packed})
    manifest["metadata"]["labels"][OVERFLOW_LABEL] = component.name
    return manifest


def texts(values: Mapping[str, str]) -> dict[str, bytes]:
    """Copied values as the bytes that they were."""
    return {key: value.encode("utf-8", "surrogateescape") for key, value in values.items()}

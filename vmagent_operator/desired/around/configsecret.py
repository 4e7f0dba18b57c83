"""Secrets that hold the scrape configuration and the copied credentials."""

import base64
from collections.abc import Mapping
from typing import Any

from vmagent_operator.desired import labels, names
from vmagent_operator.desired.vmagent.features import VMAgent, spec
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.pack import Bucket
from vmagent_operator.scrape.selection import SELECTORS
from vmagent_operator.settings import Settings

CONFIG_KEY = "vmagent.yaml.gz"
OVERFLOW_KEY = "jobs.yaml"
OVERFLOW_LABEL = "operator.victoriametrics.com/scrape-config-extra"


def is_users(agent: VMAgent) -> bool:
    """Whether the scrape configuration is the user's own: the agent scrapes, but nothing says what."""
    asked = spec(agent).scraping
    selectors = (f"{prefix}{which}" for prefix in SELECTORS.values() for which in ("_selector", "_namespace_selector"))
    is_selective = asked.select_all_by_default or any(getattr(asked, name) is not None for name in selectors)
    has_jobs = asked.additional_scrape_configs is not None or bool(asked.inline_scrape_config)
    return not (asked.ingest_only_mode or is_selective or has_jobs)


def secret(agent: VMAgent, settings: Settings, name: str, data: Mapping[str, bytes]) -> Manifest:
    """A generated Secret; managed annotations do not reach it, and without data it has no such key."""
    metadata = labels.meta(agent, settings, name)
    metadata["annotations"] = {**settings.common_annotations, "generated": "true"}
    manifest: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    if data:
        manifest["data"] = {key: base64.b64encode(data[key]).decode() for key in sorted(data)}
    return manifest


def overflow(agent: VMAgent, settings: Settings, number: int, jobs: Bucket) -> Manifest:
    """The Secret `number` (from 1) of those with the jobs that the main one had no room for."""
    manifest = secret(agent, settings, names.overflow(agent, number), {OVERFLOW_KEY: jobs.packed})
    manifest["metadata"]["labels"][OVERFLOW_LABEL] = names.prefixed(agent)
    return manifest


def texts(values: Mapping[str, str]) -> dict[str, bytes]:
    """Copied values as the bytes that they were."""
    return {key: value.encode("utf-8", "surrogateescape") for key, value in values.items()}

"""Whatever stands in a field that vmagent parses: what we take it takes, and what it takes we take, but for our limits."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from test.vmagent.expressions import MAKERS, texts
from test.vmagent.verdicts import refused
from vmagent_operator.scrape.checks import duration, size, url
from vmagent_operator.scrape.expressions import regex, series
from vmagent_operator.scrape.text import emit

pytestmark = pytest.mark.vmagent
FAULTS: Mapping[str, Callable[[str], str | None]] = {
    "regex": regex.relabel_fault,
    "if": series.fault,
    "interval": duration.fault,
    "max_scrape_size": size.fault,
    "proxyURL": url.proxy_fault,
}
OURS_ALONE = ("(limit ", "a missing \\E", "is too long", "is a function", "half a character")
"""Faults that are none to vmagent, at least not each time."""
NOT_FINITE = ("inf", "nan")


def _job(field: str, text: str, number: int) -> bytes:
    job: dict[str, object] = {"job_name": str(number), "static_configs": [{"targets": ["a:1"]}]}
    if field in ("regex", "if"):
        job["relabel_configs"] = [{"action": "replace", "target_label": "x", field: [text]}]
    else:
        job[{"interval": "scrape_interval", "proxyURL": "proxy_url"}.get(field, field)] = text
    return emit.item(job).encode()


def disagreements(vmagent: Path, folder: Path, field: str, given: list[str]) -> Iterator[tuple[str, str]]:
    """The texts of which only one of us thinks well: who refuses it, and the text."""
    theirs = refused(vmagent, folder, [_job(field, text, number) for number, text in enumerate(given)])
    for number, text in enumerate(given):
        fault = FAULTS[field](text)
        if fault is None and number in theirs:
            yield "vmagent", text
        elif fault is not None and number not in theirs and not _is_ours_alone(fault, text):
            yield "we", text


def _is_ours_alone(fault: str, text: str) -> bool:
    return any(each in fault for each in OURS_ALONE) or any(each in text.lower() for each in NOT_FINITE)


@pytest.mark.parametrize("field", MAKERS)
def test_we_agree_with_vmagent_about_any_text(field: str, vmagent: Path, tmp_path: Path) -> None:
    assert list(disagreements(vmagent, tmp_path / "jobs", field, list(texts(field, 1500, seed=1)))) == []

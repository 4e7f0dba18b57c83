"""Jobs that users write for vmagent themselves: what is left out, and where the fault is."""

from pathlib import Path

import pytest
import yaml

from test.scrape.cases import Case
from vmagent_operator.model.encode import Config
from vmagent_operator.scrape.checks import placeholder
from vmagent_operator.scrape.checks.rawjob import job
from vmagent_operator.scrape.checks.url import InvalidURL, scheme
from vmagent_operator.scrape.text.goyaml import load


def _filled(text: str) -> str | None:
    """`text` as vmagent reads it, which has a value for HOME that is not known."""
    return None if text == "%{HOME}" else placeholder.filled(text, {})


CASES = yaml.safe_load((Path(__file__).parent / "raw.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["job"])
def test_job(case: Case) -> None:
    (given,) = load(f"- {{job_name: x, {case['job']}}}")
    assert list(job()(given, "job", _filled)) == [f"job.{fault}" for fault in case.get("want", ())]


@pytest.mark.parametrize(
    "text",
    [
        "http://a:b",
        "http://a:1:2",
        ":",
        "a:b/%zz",
        "http://[::1",
        "http://[1.2.3.4]",
        "http://a%41/",
        'http://u"@a',
        "\x7f",
    ],
)
def test_no_url(text: str) -> None:
    if text == "a:b/%zz":
        assert scheme(text) == "a"
        return
    with pytest.raises(InvalidURL):
        scheme(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://a", "http"),
        ("HTTP://[::1%25lo]:1/", "http"),
        ("//a", ""),
        ("", ""),
        ("a", ""),
        ("s:x:y", "s"),
        ("s:x%zz", "s"),
        ("///a:b", ""),
    ],
)
def test_scheme(text: str, found: str) -> None:
    assert scheme(text) == found


@pytest.mark.parametrize("given", [None, {}, {"job_name": None}, {"job_name": ""}, {"scheme": "http"}], ids=str)
def test_a_job_has_a_name(given: Config | None) -> None:
    assert list(job()(given, "job", _filled)) == ["job.job_name: required"]

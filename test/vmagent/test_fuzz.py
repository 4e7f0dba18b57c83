"""A slice of the fuzz: vmagent takes what we publish, and we refuse nothing that it takes."""

import subprocess
from pathlib import Path

import pytest

from test.vmagent import fuzz
from test.vmagent.judge import Jobs, Judge

pytestmark = pytest.mark.vmagent
COUNT = 3000


@pytest.mark.parametrize("seed", [1, 2])
def test_we_and_vmagent_agree(seed: int, vmagent: Path) -> None:
    _isolated()
    tally = fuzz.run(COUNT, seed, vmagent)
    assert min(tally.accepted, tally.refused) > COUNT // 20
    assert tally.ours == {}, tally.report()
    assert tally.theirs == {}, tally.report()


def test_a_running_vmagent_survives_every_label_of_a_target(vmagent: Path) -> None:
    _isolated()
    assert fuzz.panics(300, 1, vmagent) == ""


def _isolated() -> None:
    """Running vmagents get a network of their own, for which this user may lack the right."""
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode:
        pytest.skip("no right to a network namespace")


@pytest.mark.parametrize("mostly_good", [True, False])
def test_the_judge_names_each_that_vmagent_does_not_take(mostly_good: bool, vmagent: Path, tmp_path: Path) -> None:
    keys = (
        "scrape_interval: 5s",
        "scrap_interval: 5s",
        "static_configs: {}",
        "scrape_interval: 5 s",
        "basic_auth: {}",
        "relabel_configs: [{action: drop, if: []}]",
        "sample_limit: 1",
    )
    given = {
        number: Jobs(f"- job_name: j{number}\n  {key}\n".encode(), (f"j{number}",)) for number, key in enumerate(keys)
    }
    judge = Judge(vmagent, tmp_path)
    assert sorted(judge.jobs(given) if mostly_good else judge.each(given)) == [1, 2, 3, 4, 5]

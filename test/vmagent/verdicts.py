"""What vmagent says to thousands of jobs at once."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

_SKIPPED = re.compile(
    r"skipping [^\n]*?/(\d+)\.yaml\"? at `scrape_config_files`|skipping `scrape_config` for job_name=(\d+) "
)


def refused(vmagent: Path, folder: Path, jobs: Sequence[bytes]) -> set[int]:
    """The numbers of those jobs that vmagent does not take; each must be called by its number.

    Each is a file of its own, of which vmagent skips one that it cannot read. A job that kills vmagent is refused too.
    """
    folder.mkdir(parents=True)
    for number, job in enumerate(jobs):
        (folder / f"{number}.yaml").write_bytes(job)
    found: set[int] = set()
    _judge(vmagent, folder, list(range(len(jobs))), found)
    return found


def _judge(vmagent: Path, folder: Path, numbers: list[int], found: set[int]) -> None:
    main = folder / "main.yml"
    main.write_text("scrape_config_files:\n" + "".join(f"- {number}.yaml\n" for number in numbers))
    command = [str(vmagent), "-dryRun", f"-promscrape.config={main}", "-promscrape.config.strictParse=false"]
    ran = subprocess.run(
        [*command, "-remoteWrite.url=http://a", "-loggerLevel=ERROR"], capture_output=True, timeout=300
    )
    if ran.returncode and len(numbers) > 1:  # it died: of one of them
        half = len(numbers) // 2
        _judge(vmagent, folder, numbers[:half], found)
        _judge(vmagent, folder, numbers[half:], found)
    elif ran.returncode:
        found.update(numbers)
    else:
        found.update(int(in_file or job) for in_file, job in _SKIPPED.findall(ran.stderr.decode(errors="replace")))

"""The real vmagent as a judge of many texts at once: which of them does it refuse, skip or die of?

A process for each text would be slow, so thousands share one: in one file where all should be taken, which also shows what
one does to its neighbours, and each in a file of its own where vmagent is to say which ones it refuses.
"""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

Said = dict[int, str]
"""Number of a text -> what vmagent has against it."""
_SKIPPED_JOB = re.compile(r"skipping `scrape_config` for job_name=(.*?) because of error: (.*)")
_SKIPPED_FILE = re.compile(
    r'skipping \S*?/(\d+)\.yaml\\?" at `scrape_config_files` because of failure to parse it: (.*)'
)
_LINE = re.compile(r"line (\d+): ([^\n\\]*)")
_SECONDS = 120
"""More than a process needs for a batch; one that takes longer has found something."""


@frozen
class Run:
    """How a process ended: exit code, None if it was still running when it was stopped, and what it wrote."""

    code: int | None
    log: str

    @property
    def is_panic(self) -> bool:
        """Whether a goroutine died."""
        return "panic: " in self.log or "fatal error: " in self.log or "\tpanic\t" in self.log


@frozen
class Jobs:
    """A text with some jobs, as items of a YAML list, and their names."""

    text: bytes
    names: tuple[str, ...]


@frozen
class Judge:
    """vmagent with a folder for its files."""

    vmagent: Path
    folder: Path

    def dry_run(self, *flags: str) -> Run:
        """What it says to its files."""
        command = [str(self.vmagent), "-dryRun", "-remoteWrite.url=http://127.0.0.1:9", "-loggerLevel=ERROR", *flags]
        run = subprocess.run(command, env={}, capture_output=True, timeout=_SECONDS)
        return Run(run.returncode, (run.stdout + run.stderr).decode(errors="replace"))

    def jobs(self, given: Mapping[int, Jobs]) -> Said:
        """What it refuses, skips or panics of, if all are meant to be taken."""
        said: Said = {}
        left = dict(given)
        while left:
            run, lines = self._together(left)
            if run.code == 0:
                return said | _skipped(run, left)
            found = _by_line(run, lines) or self._guilty(left, run)
            said |= found
            left = {number: jobs for number, jobs in left.items() if number not in found}
        return said

    def each(self, given: Mapping[int, Jobs]) -> Said:
        """The same, if most are going to be refused."""
        said = self._apart(given)
        return said | self.jobs({number: jobs for number, jobs in given.items() if number not in said})

    def guilty(self, given: Sequence[int], dies: Callable[[Sequence[int]], str]) -> Said:
        """Which of `given` make a process die, by halves; `dies` says how one with some of them ends."""
        last = dies(given)
        if not last:
            return {}
        if len(given) == 1:
            return {given[0]: last}
        middle = len(given) // 2
        found = self.guilty(given[:middle], dies) | self.guilty(given[middle:], dies)
        return found or {given[0]: f"together with others: {last}"}

    def running(self, seconds: float, *flags: str) -> Run:
        """How it fares for some seconds; without a network, but for a loopback interface of its own."""
        data = tempfile.mkdtemp(dir=self.folder)
        command = [
            *("unshare", "--net", "sh", "-c", 'ip link set lo up 2>/dev/null; exec "$@"', "sh", str(self.vmagent)),
            *(f"-remoteWrite.tmpDataPath={data}", "-httpListenAddr=127.0.0.1:0", "-memory.allowedBytes=256MiB", *flags),
        ]
        log = Path(data) / "log"
        with log.open("wb") as out, subprocess.Popen(command, env={}, stdout=out, stderr=out) as process:
            deadline = time.monotonic() + seconds
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            code = process.poll()
            process.kill()
        text = log.read_text(errors="replace")
        shutil.rmtree(data)
        return Run(code, text)

    def _together(self, given: Mapping[int, Jobs]) -> tuple[Run, list[tuple[int, int]]]:
        """One file with all of them, and the line after the last one of each."""
        out, ends, line = [b"scrape_configs:\n"], [], 2
        for number, jobs in given.items():
            out.append(jobs.text)
            line += jobs.text.count(b"\n")
            ends.append((line, number))
        file = self.folder / "together.yaml"
        file.write_bytes(b"".join(out))
        return self.dry_run(f"-promscrape.config={file}"), ends

    def _apart(self, given: Mapping[int, Jobs]) -> Said:
        """A file for each; in this mode vmagent names those that it cannot read, but forgives unknown keys."""
        folder = self.folder / "apart"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for number, jobs in given.items():
            (folder / f"{number}.yaml").write_bytes(jobs.text)
        file = self.folder / "apart.yaml"
        file.write_text(f"scrape_config_files: [{folder}/*.yaml]\n")
        run = self.dry_run(f"-promscrape.config={file}", "-promscrape.config.strictParse=false")
        if run.code != 0:
            return dict.fromkeys(given, run.log[-300:]) if len(given) == 1 else self._halves(given)
        unread = {int(number): why for number, why in _SKIPPED_FILE.findall(run.log)}
        return unread | _skipped(run, given)

    def _halves(self, given: Mapping[int, Jobs]) -> Said:
        items = list(given.items())
        middle = len(items) // 2
        return self._apart(dict(items[:middle])) | self._apart(dict(items[middle:]))

    def _guilty(self, given: Mapping[int, Jobs], run: Run) -> Said:
        if not run.is_panic and (found := self._apart(given)):
            return found

        def dies(numbers: Sequence[int]) -> str:
            run, _ = self._together({number: given[number] for number in numbers})
            return "" if run.code == 0 else run.log[-300:]

        return self.guilty(list(given), dies)


def _skipped(run: Run, given: Mapping[int, Jobs]) -> Said:
    owners = {name: number for number, jobs in given.items() for name in jobs.names}
    return {owners[name]: why for name, why in _SKIPPED_JOB.findall(run.log) if name in owners}


def _by_line(run: Run, ends: Sequence[tuple[int, int]]) -> Said:
    """Who is at the lines that a complaint about types names."""
    if "unmarshal errors" not in run.log:
        return {}
    lines = [(int(line), why) for line, why in _LINE.findall(run.log)]
    return {next(number for end, number in ends if line < end): why for line, why in lines if line < ends[-1][0]}

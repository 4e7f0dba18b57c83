"""What expressions cost a vmagent that reads them: no more memory than is counted, and no time for those that count nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from test.pace import slowness
from test.scrape.hostile import configured, service
from vmagent_operator.scrape.checks.budget import _EXPRESSION, _RULE, _TEXT_BYTE, Budget
from vmagent_operator.scrape.expressions.regex import weight

pytestmark = pytest.mark.vmagent
NOISE = 1.6
"""Go's heap grows in steps, so that the same file does not always take the same."""
COUNTED_BYTES = 60_000_000
SECONDS_OF_A_BYTE = 0.04 / 50_000
"""What a class like `[^:]` takes, by what it counts, on a processor that is two times slower than that of the measurement."""

SORTS = (
    *("x{1000}", "é{1000}", "(?s).{1000}", "^{1000}a", r"\d{1000}", r"\w{1000}", "[a-z]{1000}", "[a-z0-9_]{1000}"),
    *(
        "[acegikmoqsuwy]{1000}",
        "[à-ÿ]{100}",
        "(?i)k{1000}",
        "(?i)(abcdefgh){100}",
        "(?i)[k-s]{1000}",
        r"(?:\ba\B){300}",
    ),
    *(
        "(a){1000}",
        "((a)){1000}",
        "(((((a))))){200}",
        "(?P<n>a){1000}",
        "(|a){1000}",
        "(a|bc){500}",
        "(?:ab|cd|ef){300}",
    ),
    *(
        "(foo|bar|[a-z]+){900}",
        "x{1,1000}",
        "x{0,1000}?",
        "(a{0,10}){100}",
        "(a{0,2}){500}",
        "x{500,}",
        "(x{2,}y{3,}){100}",
    ),
    *("(?:a{1,3}b{1,3}){150}", "(?:a{2,4}){250}", "(?:a?){1000}", "(?:a*){1000}", "(?:a+){1000}", "(?:a?b?c?d?){250}"),
    *("a?" * 1000, "a*b*" * 500, "(a)" * 1000, "((a))" * 600, "(a|b)" * 500, "(x|)" * 500, "foo|" * 1000 + "x"),
    *(
        "|".join(f"name_{number}_seconds_total" for number in range(600)),
        r"\.a" * 500,
        "[a-z]" * 500,
        r"\pL{10}",
        r"[[:alpha:]\pL]{100}",
        r"[\pL\pN]{50}",
        r"[\p{Greek}\p{Latin}]{50}",
    ),
)


class Reader:
    """A vmagent that reads rules and ends."""

    def __init__(self, vmagent: Path, file: Path) -> None:
        """With a place for its file."""
        self.vmagent, self.file = vmagent, file
        self.least_bytes, self.least_seconds = self.cost(["a"] * 20)

    def cost(self, expressions: Iterable[str]) -> tuple[int, float]:
        """The most memory that it had, and the seconds of processor that it took, for rules with these expressions."""
        rules = [f"  - {{action: labeldrop, regex: '{each}'}}\n" for each in expressions]
        head = "scrape_configs:\n- job_name: a\n  static_configs: [{targets: [a]}]\n  metric_relabel_configs:\n"
        self.file.write_text(head + "".join(rules))
        command = [
            str(self.vmagent),
            "-dryRun",
            f"-promscrape.config={self.file}",
            "-remoteWrite.url=http://127.0.0.1:9",
        ]
        process = subprocess.Popen(command, env={}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = code
        assert code == 0
        return used.ru_maxrss * 1024, used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def reader(vmagent: Path, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """One for all."""
    return Reader(vmagent, tmp_path_factory.mktemp("cost") / "vmagent.yaml")


@pytest.mark.parametrize("text", SORTS, ids=lambda text: text[:24])
def test_an_expression_takes_no_more_than_is_counted(reader: Reader, text: str) -> None:
    each = weight(f"1000{text}") + _EXPRESSION + _RULE + _TEXT_BYTE * len(text)
    count = max(15, min(6000, COUNTED_BYTES // each))
    taken, seconds = reader.cost(f"{1000 + number}{text}" for number in range(count))
    assert taken - reader.least_bytes < NOISE * each * count
    assert seconds < (3 + SECONDS_OF_A_BYTE * each * count) * slowness()


WIDE = (
    *(
        "[^/]+",
        r"\D",
        r"\S",
        r"[\x41-\x{1e943}]",
        "[!-\U0001e943]",
        "[[:^digit:]]",
        r"[\D]",
        r"[^\d]",
        r"\PC",
        r"\PN",
        r"(?i)\W",
    ),
    *(
        "(?i)[^a]",
        r"(?i)\pL",
        "([^/]{3}){3}",
        "[^/][^:]",
        "(?:[^/]|a){4}",
        r"[^\]]{9}",
        r"[]!-\x{1e943}]{9}",
        r"[^:]\Q\E{9}",
    ),
    *("[^:](?s){9}", r"\Q[\E\D{9}\]", r"[\]\pL]{9}"),
)


@pytest.mark.parametrize("text", WIDE)
def test_a_class_of_nearly_all_characters_is_counted(reader: Reader, text: str) -> None:
    count = 30
    _, seconds = reader.cost(f"{number}{text}" for number in range(count))
    assert seconds - reader.least_seconds < (0.1 + SECONDS_OF_A_BYTE * weight(text) * count) * slowness()


@pytest.mark.parametrize(
    "rule",
    [
        {"regex": "([^/]{10}){100}"},
        {"regex": ["([^/", "]{10}){100}"]},
        {"if": '{a=~"([^/]{10}){100}"}'},
        {"if": 'with (a={b=~"[^/]{20}"}) {a,c="0" or ' + " or ".join(f'a,c="{n}"' for n in range(60)) + "}"},
        {"if": f'with (a="{"[^/]" * 8}", b=a+a+a+a+a+a+a+a, c=b+b+b+b+b+b+b+b) {{x=~c}}'},
    ],
    ids=("regex", "joined", "if", "a template used often", "a template that grows"),
)
def test_what_takes_seconds_takes_a_part_of_what_an_object_may(rule: dict[str, str]) -> None:
    budget = Budget()
    assert list(budget.counted([rule]))
    assert budget.taken_bytes > 50_000 * 500
    rules = [{"action": "labeldrop" if "regex" in rule else "drop", **rule}] * 6
    (finding,) = configured(service(endpoints=[{"port": "a", "metricRelabelConfigs": rules}])).findings
    assert finding.message.startswith("spec.endpoints[0]: more than 134217728 bytes of vmagent's memory")

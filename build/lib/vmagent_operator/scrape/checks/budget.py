"""What one scrape object may still make of itself: counted down while its jobs are built, which stop once it is used up.

Nothing multiplies unseen: a thousand endpoints with a thousand labels each are two million rules, and have 12 kB.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from attrs import define

from vmagent_operator.limits import (
    EXPRESSION_CHARACTERS,
    OBJECT_MEMORY_BYTES,
    OBJECT_RULES,
    OBJECT_TEXT_BYTES,
)
from vmagent_operator.model.encode import Config
from vmagent_operator.scrape.errors import ObjectError
from vmagent_operator.scrape.expressions import regex, series
from vmagent_operator.scrape.expressions import weight as weights
from vmagent_operator.scrape.expressions.caching import cached

# Bytes of memory that vmagent v1.150.0 takes, fitted to the resident memory of `-dryRun` with ten files of 4 to 24 MB:
# services, static jobs, lists of targets, parameters, and rules of six sorts. What fills 500Mi by this count took 438 to 513 MB;
# expressions apart, see `expressions.weight`.
MEMORY_PER_BYTE = 36
"""For text of which nothing else is known: jobs with a usual number of rules take 31."""
_TEXT_BYTE = 14
_JOB = 2_600
_RULE = 720
_PARAMETER = 480
_EXPRESSION = 3_800


class OverBudgetError(ObjectError):
    """An object has used up what it may; the text names the limit."""


@define
class Budget:
    """What is left for one object. Methods raise OverBudgetError."""

    rules: int = OBJECT_RULES
    text_bytes: int = OBJECT_TEXT_BYTES
    memory_bytes: int = OBJECT_MEMORY_BYTES

    def counted(self, rules: Iterable[Config]) -> Iterator[Config]:
        """`rules`, one by one."""
        for rule in rules:
            self.rules -= 1
            if self.rules < 0:
                raise OverBudgetError(OBJECT_RULES.exceeded)
            taken = _RULE
            # vmagent joins several texts of `regex`, and takes several selectors one by one.
            if (joined := "|".join(listed(rule.get("regex")))) != "":
                taken += _EXPRESSION + regex.relabel_weight(joined)
            taken += sum(map(_selector_weight, listed(rule.get("if"))))
            self._take(taken)
            yield rule

    def job(self, job: Config, text: bytes) -> None:
        """Take note of a job that is finished, and of its text."""
        self.text_bytes -= len(text)
        if self.text_bytes < 0:
            raise OverBudgetError(OBJECT_TEXT_BYTES.exceeded)
        self._take(_JOB + _TEXT_BYTE * len(text) + _PARAMETER * len(job.get("params") or ()))

    @property
    def taken_bytes(self) -> int:
        """The memory that vmagent takes for the object so far."""
        return OBJECT_MEMORY_BYTES - self.memory_bytes

    def _take(self, memory_bytes: int) -> None:
        self.memory_bytes -= memory_bytes
        if self.memory_bytes < 0:
            raise OverBudgetError(OBJECT_MEMORY_BYTES.exceeded)


def listed(given: object) -> Iterable[str]:
    """A text, or the texts of a list; a port number is none."""
    if isinstance(given, str):
        return (given,)
    return (text for text in given if isinstance(text, str)) if isinstance(given, list) else ()


@cached
def _selector_weight(text: str) -> int:
    """What a selector takes: its expressions count as they come out of its strings and templates, which hide what they hold."""
    expressions = Counter(series.regexes(text))
    written = _EXPRESSION + weights.CHARACTER * min(len(text), EXPRESSION_CHARACTERS)
    return written + sum(times * (_EXPRESSION + regex.weight(each)) for each, times in expressions.items())

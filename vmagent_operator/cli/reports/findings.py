"""What is wrong with manifests, as findings with a place, and the forms in which people and their tools read them."""

import json
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from attrs import frozen

import vmagent_operator
from vmagent_operator.identity import OPERATOR

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")
"""error: it is refused, or nothing comes of it. warning: it is built, and yet doubtful. note: nothing that files can say."""

RULES: Mapping[str, str] = {
    "unreadable": "A file holds something that is no manifest.",
    "unknown-kind": "An object is of a kind that its group does not have.",
    "unknown-version": "An object is of a version or a group that no API server knows.",
    "duplicate": "An object is given twice; the later one counts.",
    "unknown-field": "A field does not exist and has no effect.",
    "invalid-field": "A value is not of the type or form that its field has.",
    "rejected": "The operator refuses the object, and writes nothing for it.",
    "doubtful": "The operator builds what the object asks for, and warns of it.",
    "not-found": "A Secret or ConfigMap is referred to that is not among the files.",
    "not-selected": "No owner among the files selects a scrape object.",
}
"""Every rule by its id: what it is about."""


_WRAPPER = textwrap.TextWrapper(
    80, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
)


@frozen(kw_only=True)
class Finding:
    """One thing that is wrong: where, with which field of which object, and what to do about it.

    subject: `VMAgent monitoring/main`, "" for a file as such. field: "" for an object as such. advice: "" where the message
    says all there is to say.
    """

    rule: str
    level: Level
    file: str
    line: int
    subject: str = ""
    field: str = ""
    message: str
    advice: str = ""

    @property
    def text(self) -> str:
        """All but the place: `VMAgent monitoring/main: spec.replicas: no such field; did you mean replicaCount?`."""
        said = ": ".join(filter(None, (self.subject, self.field, self.message)))
        return f"{said}; {self.advice}" if self.advice else said

    def shown(self) -> str:
        """The same for people: the place and the object, and below what is wrong, in a terminal of 80 columns."""
        lines = [": ".join((f"{self.file}:{self.line}", self.level, self.subject or self.message))]
        for text in (": ".join(filter(None, (self.field, self.message))) if self.subject else "", self.advice):
            if text:
                lines += _WRAPPER.wrap(text)
        return "\n".join(lines)


def counted(findings: Iterable[Finding]) -> str:
    """How many there are of each level: `2 errors, 1 warning`; "" for none."""
    levels = [each.level for each in findings]
    found = [(level, levels.count(level)) for level in LEVELS]
    return ", ".join(f"{count} {level}{'s' if count != 1 else ''}" for level, count in found if count)


def _text(findings: Sequence[Finding]) -> str:
    return "".join(f"{each.shown()}\n" for each in findings)


def _json(findings: Sequence[Finding]) -> str:
    keys = ("rule", "level", "file", "line", "subject", "field", "message", "advice")
    return json.dumps({"findings": [{key: getattr(each, key) for key in keys} for each in findings]}, indent=2) + "\n"


_COMMANDS: Mapping[Level, str] = {"error": "error", "warning": "warning", "note": "notice"}


def _github(findings: Sequence[Finding]) -> str:
    """Workflow commands, which GitHub shows beside the lines of a pull request.

    Source: https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    lines = []
    for each in findings:
        properties = {"file": each.file, "line": str(each.line), "title": each.rule}
        given = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
        lines.append(f"::{_COMMANDS[each.level]} {given}::{_escaped(each.text)}")
    return "".join(f"{line}\n" for line in lines)


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _sarif(findings: Sequence[Finding]) -> str:
    """Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""
    driver = {
        "name": OPERATOR,
        "version": vmagent_operator.__version__,
        "rules": [{"id": name, "shortDescription": {"text": text}} for name, text in RULES.items()],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [*map(_result, findings)]}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(finding: Finding) -> Mapping[str, Any]:
    place = {"artifactLocation": {"uri": finding.file}, "region": {"startLine": finding.line}}
    return {
        "ruleId": finding.rule,
        "ruleIndex": list(RULES).index(finding.rule),
        "level": finding.level,
        "message": {"text": finding.text},
        "locations": [{"physicalLocation": place}],
    }


FORMS: Mapping[str, Callable[[Sequence[Finding]], str]] = {
    "text": _text,
    "json": _json,
    "github": _github,
    "sarif": _sarif,
}
"""How findings can be written, by name."""

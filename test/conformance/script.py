"""Cases as scripts of requests: run against any server, compared with what the answers must hold.

A step has `do` (method and path; `$ns` is the case's own namespace, `$crd` its own API group), `body`, `type` (media type), `query`,
`accept`, and `want`: `code` of the answer, and parts of the answer by key. A mapping wants these keys (`<absent>`: not there), a list wants as
many items, a text that starts with `~` is searched for. `save` keeps parts of the answer as further `$variables`. With `eventually`
a step is repeated until it fits: what controllers do takes a real server a while.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from attrs import define, field

from test.controlplane.api import Api, Refused

Json = dict[str, Any]
ABSENT = "<absent>"


def cases(folder: Path) -> Iterator[Json]:
    """Every case of a folder's YAML files."""
    for path in sorted(folder.glob("*.yaml")):
        for case in yaml.safe_load_all(path.read_text()):
            yield case | {"file": path.stem}


def differences(want: Any, got: Any, path: str = "") -> Iterator[str]:
    """Where `got` does not hold what `want` asks for."""
    if isinstance(want, Mapping) and isinstance(got, Mapping):
        for key, part in want.items():
            if part == ABSENT:
                if key in got:
                    yield f"{path}.{key}: should be absent, is {json.dumps(got[key])}"
            elif key not in got:
                yield f"{path}.{key}: is absent"
            else:
                yield from differences(part, got[key], f"{path}.{key}")
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            yield f"{path}: {len(want)} items wanted, got {json.dumps(got)}"
        for index, (one, other) in enumerate(zip(want, got, strict=False)):
            yield from differences(one, other, f"{path}[{index}]")
    elif isinstance(want, str) and want.startswith("~"):
        if not re.search(want[1:], str(got)):
            yield f"{path}: {want[1:]!r} not in {got!r}"
    elif want != got or isinstance(want, bool) != isinstance(got, bool):
        yield f"{path}: wanted {json.dumps(want)}, got {json.dumps(got)}"


@define
class Script:
    """One run of a case."""

    api: Api
    variables: dict[str, str] = field(factory=dict)

    def run(self, case: Json) -> None:
        """Do every step. Raises AssertionError."""
        for number, step in enumerate(case["steps"], 1):
            deadline = time.monotonic() + (60 if step.get("eventually") else 0)
            while found := list(self._step(step)):
                assert time.monotonic() < deadline, f"step {number} ({step['do']}):\n" + "\n".join(found)
                time.sleep(0.1)

    def _step(self, step: Json) -> Iterator[str]:
        method, path = self._filled(step["do"]).split(" ", 1)
        query = {key: str(value) for key, value in self._filled(step.get("query", {})).items()}
        body = self._filled(step["body"]) if "body" in step else None
        try:
            answer = self.api.request(method, path, body, content_type=step.get("type", "application/json"), **query)
            status = 200
        except Refused as error:
            answer, status = error.body, error.status
        want = dict(self._filled(step.get("want", {})))
        wanted_status = want.pop("code", 200)
        if status != wanted_status:
            yield f"status {status}, wanted {wanted_status}: {json.dumps(answer)[:1000]}"
            return
        yield from differences(want, answer)
        for name, where in step.get("save", {}).items():
            value: Any = answer
            for key in where.split("."):
                value = value[int(key)] if isinstance(value, list) else value[key]
            self.variables[name] = str(value)

    def _filled(self, value: Any) -> Any:
        """`value` with `$variables` replaced."""
        if isinstance(value, str):
            return re.sub(r"\$(\w+)", lambda match: self.variables.get(match[1], match[0]), value)
        if isinstance(value, Mapping):
            return {self._filled(key): self._filled(part) for key, part in value.items()}
        return [self._filled(part) for part in value] if isinstance(value, list) else value

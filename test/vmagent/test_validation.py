"""We refuse an endpoint if and only if vmagent would refuse or skip its job."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.scrape.cases import agent, obj, settings
from vmagent_operator.desired.vmagent.features import scrape_owner
from vmagent_operator.scrape.checks import validate
from vmagent_operator.scrape.context import context
from vmagent_operator.scrape.fragment import Fragment, fragment
from vmagent_operator.scrape.references import Reference, SecretSnapshot

pytestmark = pytest.mark.vmagent
CASES = yaml.safe_load((Path(__file__).parent / "validation.yaml").read_text())
VALUES = SecretSnapshot({Reference("Secret", "mon", "s"): {"u": "me", "p": "pw", "e": ""}})
Endpoint = dict[str, Any]


def _endpoints() -> Iterator[tuple[str, Endpoint]]:
    """The kind of a case, and the endpoint."""
    for action in CASES["actions"]:
        yield from ((f"action {action}", {"relabelConfigs": [rule | {"action": action}]}) for rule in CASES["rules"])
    rule = {"action": "drop", "sourceLabels": ["a"]}
    yield from (("regex", {"relabelConfigs": [rule | {"regex": text}]}) for text in CASES["regexes"])
    yield from (("selector", {"relabelConfigs": [rule | {"if": text}]}) for text in CASES["selectors"])
    for text in CASES["durations"]:
        yield from (("duration", {key: text}) for key in ("interval", "scrapeTimeout"))
        options = ("scrape_offset", "scrape_align_interval")
        yield from (("duration", {"vm_scrape_params": {key: text}}) for key in options)
    yield from (("size", {"max_scrape_size": text}) for text in CASES["sizes"])
    yield from (("proxy", {"proxyURL": text}) for text in CASES["proxies"])
    yield from (("header", {"vm_scrape_params": {"headers": [text]}}) for text in CASES["headers"])
    yield from (("endpoint", endpoint) for endpoint in CASES["endpoints"])


ENDPOINTS = list(_endpoints())


def _made(endpoint: Endpoint, name: str = "x") -> Fragment | None:
    made = obj("VMStaticScrape", {"targetEndpoints": [{"targets": ["a:1"], **endpoint}]}, name=name)
    found = fragment(made, context(scrape_owner(agent(), settings())), VALUES)
    return found if isinstance(found, Fragment) else None


def _complaint(vmagent: Path, file: Path, *jobs: bytes) -> str:
    file.write_bytes(b"scrape_configs:\n" + b"".join(jobs))
    command = [str(vmagent), "-dryRun", f"-promscrape.config={file}", "-remoteWrite.url=http://a", "-loggerLevel=ERROR"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stderr


@pytest.mark.parametrize("kind", dict.fromkeys(kind for kind, _ in ENDPOINTS))
def test_we_agree_with_vmagent(kind: str, vmagent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints = [endpoint for of, endpoint in ENDPOINTS if of == kind]
    accepted = [made for number, one in enumerate(endpoints) if (made := _made(one, f"x{number}"))]
    refused = [endpoint for endpoint in endpoints if _made(endpoint) is None]
    assert _complaint(vmagent, tmp_path / "accepted.yaml", *(made.entry.text for made in accepted)) == ""
    monkeypatch.setattr(validate, "scrape_object", lambda *_: ())
    monkeypatch.setattr(validate, "auth_faults", lambda *_: ())
    for endpoint in refused:
        made = _made(endpoint)
        assert made is None or _complaint(vmagent, tmp_path / "refused.yaml", made.entry.text), endpoint

"""The status page: what it tells, that it escapes and masks, and that it stays small however much there is."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from test.controller.world import World, agent, scrape
from vmagent_operator.identity import API_VERSION
from vmagent_operator.serve.http import Answer, Server, Token
from vmagent_operator.serve.status import ROWS, StatusPage


def ask(world: World, path: str, *, note: str = "", token: Token | None = None, **query: str) -> Answer:
    pages = StatusPage(world.system, lambda: note, token).pages()
    page = pages.get(path) or next(pages[each] for each in ("/owners/", "/objects/", "/") if path.startswith(each))
    return page({**query, "": path}, {})


def rows(answer: Answer) -> list[list[str]]:
    """The cells of the last table of a page."""
    assert answer.status == 200
    assert answer.content_type == "text/html; charset=utf-8"
    text = answer.body.decode().removeprefix("<!DOCTYPE html>\n").replace("<br>", "")
    tree = ElementTree.fromstring(re.sub(r"<(meta|input)([^>]*)>", r"<\1\2/>", text))
    tables = tree.findall(".//table")
    return [["".join(cell.itertext()) for cell in row] for row in tables[-1].findall("tbody/tr")] if tables else []


def labelled(name: str, team: str, **spec: Any) -> dict[str, Any]:
    manifest = scrape(name, **spec)
    return {**manifest, "metadata": {**manifest["metadata"], "labels": {"team": team}}}


def tags(answer: Answer) -> set[str]:
    """The elements that a browser would find."""
    found = set[str]()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.add(tag)  # type: ignore[method-assign]
    parser.feed(answer.body.decode())
    return found


@pytest.fixture
def world() -> World:
    made = World()
    made.add(agent(serviceScrapeSelector={"matchLabels": {"team": "a"}}, serviceScrapeNamespaceSelector={}))
    made.add(labelled("in", "a"))
    broken = [{"port": "http", "bearerTokenSecret": {"name": "gone", "key": "token"}}]
    made.add(labelled("broken", "a", endpoints=broken))
    made.add(labelled("out", "b"))
    made.settle()
    return made


def test_owners_are_told_with_state_and_counts(world: World) -> None:
    world.clock.seconds += 120
    (row,) = rows(ask(world, "/"))
    assert row[:3] == ["VMAgent", "monitoring/main", "operational"]
    assert row[4:6] == ["2", "1"]
    assert row[6] == "2 min ago"


def test_every_object_is_told_with_what_becomes_of_it(world: World) -> None:
    found = {row[1]: row[2:] for row in rows(ask(world, "/owners/vmagents/monitoring/main"))}
    assert found["apps/in"] == ["scraped", ""]
    outcome, why = found["apps/broken"]
    assert (outcome, "apps/gone" in why) == ("left out", True)
    outcome, why = found["apps/out"]
    assert outcome == "not selected"
    assert why == "labels: selector asks team=a, object has team=b"


@pytest.mark.parametrize(
    ("show", "names"),
    [
        ("scraped", {"apps/in"}),
        ("left out", {"apps/broken"}),
        ("not selected", {"apps/out", "monitoring/vmagent-main"}),
    ],
)
def test_what_is_looked_for_is_found(world: World, show: str, names: set[str]) -> None:
    path = "/owners/vmagents/monitoring/main"
    assert {row[1] for row in rows(ask(world, path, show=show))} == names
    assert {row[1] for row in rows(ask(world, path, q="apps/BROKEN"))} == {"apps/broken"}
    assert rows(ask(world, "/", q="elsewhere")) == []


def test_an_object_shows_its_owners_and_its_jobs(world: World) -> None:
    answer = ask(world, "/objects/vmservicescrapes/apps/in")
    assert rows(answer) == [["VMAgent", "monitoring/main", "scraped", ""]]
    assert "job_name: serviceScrape/apps/in/0" in answer.body.decode()
    (row,) = rows(ask(world, "/objects/vmservicescrapes/apps/out"))
    assert row[2] == "not selected"


SECRETS = {
    "basicAuth": {"username": {"name": "s", "key": "a"}, "password": {"name": "s", "key": "a"}},
    "bearerTokenSecret": {"name": "s", "key": "a"},
    "oauth2": {
        "client_id": {"secret": {"name": "s", "key": "a"}},
        "client_secret": {"name": "s", "key": "a"},
        "token_url": "http://user:hunter2@sso/",
        "endpoint_params": {"x": "hunter2"},
    },
    "params": {"q": ["hunter2"]},
    "proxyURL": "http://user:hunter2@proxy",
    "vm_scrape_params": {"headers": ["X-Key: hunter2"]},
    "path": "/metrics?token=hunter2",
    "authorization": {"type": "hunter2 more", "credentials": {"name": "s", "key": "a"}},
    "relabelConfigs": [{"targetLabel": "__param_key", "replacement": "hunter2"}],
}
STATIC = {
    "a URL with @ in the password": {"targets": ["a:80"], "proxyURL": "http://u:a@hunter2@proxy"},
    "a user without a scheme": {"targets": ["u:hunter2@a:80"]},
    "a parameter of a target": {"targets": ["http://a/metrics?token=hunter2"]},
    "a parameter with a colon": {"targets": ["a:80"], "params": {"auth": ["hunter2:x"]}},
    "a label that is a parameter": {"targets": ["a:80"], "labels": {"__param_key": "hunter2"}},
}


@pytest.mark.parametrize("field", SECRETS)
def test_no_secret_is_shown(world: World, field: str) -> None:
    world.add(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": "apps"},
            "data": {"a": "aHVudGVyMg=="},
        }
    )
    endpoint = {"port": "http", field: SECRETS[field]}
    world.add(labelled("secretive", "a", endpoints=[endpoint]))
    world.settle()
    secret = world.get("secrets", "monitoring", "vmagent-main")
    text = ask(world, "/objects/vmservicescrapes/apps/secretive").body.decode()
    assert secret, "the configuration is there"
    assert "serviceScrape/apps/secretive/0" in text
    assert "hunter2" not in text
    assert "&lt;masked&gt;" in text


@pytest.mark.parametrize("endpoint", STATIC.values(), ids=STATIC)
def test_no_secret_in_a_target_is_shown(endpoint: dict[str, Any]) -> None:
    world = World()
    world.add(agent(selectAllByDefault=True))
    metadata = {"name": "s", "namespace": "apps"}
    spec = {"targetEndpoints": [endpoint]}
    world.add({"apiVersion": API_VERSION, "kind": "VMStaticScrape", "metadata": metadata, "spec": spec})
    world.settle()
    text = ask(world, "/objects/vmstaticscrapes/apps/s").body.decode()
    assert "hunter2" not in text
    assert "&lt;masked&gt;" in text


def test_what_was_masked_never_reaches_a_configuration(world: World) -> None:
    ask(world, "/objects/vmservicescrapes/apps/in")
    world.add(labelled("more", "a"))
    world.settle()
    before = world.writes()
    world.settle(600)
    assert world.writes() == before


def test_texts_of_others_are_texts(world: World) -> None:
    hostile = "</pre><script>alert(1)</script>"
    world.add(labelled("hostile", "a", endpoints=[{"port": "http", "path": f"/{hostile}"}]))
    world.settle()
    for path in ("/", "/owners/vmagents/monitoring/main", "/objects/vmservicescrapes/apps/hostile"):
        answer = ask(world, path, q=f'"><script>{path}')
        assert "script" not in tags(answer)
        assert b"default-src 'none'" in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/other",
        "/owners/vmagents/monitoring/other",
        "/owners/",
        "/objects/",
        "/objects/vmagents/monitoring/main",
        "/objects/vmservicescrapes/apps",
    ],
)
def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    assert ask(world, path).status == 404


@pytest.mark.parametrize(
    ("number", "wanted"),
    [*dict.fromkeys(("", "1", "-1", "x", "٣"), ROWS).items(), *dict.fromkeys(("2", "9", "99", "9" * 5000), 21).items()],
)
def test_many_objects_are_shown_page_by_page(number: str, wanted: int) -> None:
    world = World()
    world.add(agent(selectAllByDefault=True))
    for index in range(2 * ROWS + 20):
        world.add(scrape(f"app{index:04}"))
    world.settle()
    answer = ask(world, "/owners/vmagents/monitoring/main", page=number)
    assert len(rows(answer)) == wanted
    assert len(answer.body) < 64 * 1024


def test_a_replica_that_stands_by_says_so(world: World) -> None:
    assert b"stands by" in ask(world, "/", note="This replica stands by.").body


def test_whoever_may_not_see_the_metrics_may_not_see_the_page(world: World, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t")
    for path in ("/", "/owners/vmagents/monitoring/main", "/objects/vmservicescrapes/apps/in"):
        assert ask(world, path, token=Token(token)).status == 401


def test_what_an_owner_would_scrape_that_has_failed_is_told_with_its_reason(world: World) -> None:
    world.add(agent("failing", selectAllByDefault=True, inlineScrapeConfig="- ["))
    world.settle()
    found = {row[1]: row[2:] for row in rows(ask(world, "/objects/vmservicescrapes/apps/in"))}
    assert found["monitoring/main"][0] == "scraped"
    outcome, why = found["monitoring/failing"]
    assert outcome == "not scraped"
    assert why.startswith("VMAgent: spec.inlineScrapeConfig: ")


def test_an_owner_that_cannot_be_read_is_shown_with_what_is_wrong(world: World) -> None:
    bad: dict[str, Any] = agent(replicaCount="many")
    bad["metadata"]["name"] = "bad"
    world.api.store.put(
        "vmagents.operator.victoriametrics.com",
        ("monitoring", "bad"),
        {**bad, "metadata": {**bad["metadata"], "uid": "u", "generation": 1}},
    )
    world.settle()
    first = rows(ask(world, "/"))[0]
    assert first[1] == "monitoring/bad"
    assert "replicaCount" in first[3]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_a_browser_shows_it(world: World) -> None:
    server = Server("127.0.0.1:0", StatusPage(world.system, str).pages())
    server.start("status")
    try:
        for path, wanted in (
            ("/", "operational"),
            ("/owners/vmagents/monitoring/main", "selector asks team=a, object has team=b"),
            ("/objects/vmservicescrapes/apps/in", "job_name: serviceScrape/apps/in/0"),
        ):
            command = [
                "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--enable-logging=stderr",
                "--dump-dom",
            ]
            address = f"http://127.0.0.1:{server.port}{path}"
            done = subprocess.run([*command, address], capture_output=True, text=True, timeout=120, check=True)
            assert wanted in done.stdout
            assert ":CONSOLE" not in done.stderr, "what a browser refuses, it says there"
    finally:
        server.shutdown()
        server.server_close()

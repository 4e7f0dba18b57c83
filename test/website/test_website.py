"""The site is built without a warning, loads nothing from elsewhere, and its reference is complete."""

import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from attrs import define, field

from test.website import reference
from test.website.hooks import ELSEWHERE, LINK, ROOT
from test.website.kinds import fields, leaf
from vmagent_operator.api.kinds import KINDS
from vmagent_operator.cli.flags import FLAGS
from vmagent_operator.model.fields import Model

LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src"}
RELATIONS = {"stylesheet", "preconnect", "preload", "icon", "modulepreload"}
PAGES = dict(reference.pages())


@define(eq=False)
class Look(HTMLParser):
    """What a browser loads for a page, and the addresses on it."""

    loaded: list[str] = field(factory=list)
    addresses: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        given = {name: value or "" for name, value in attrs}
        if tag in LOADS and LOADS[tag] in given:
            self.loaded.append(given[LOADS[tag]])
        if tag == "link" and given.get("rel") in RELATIONS:
            self.loaded.append(given["href"])
        if "id" in given and not given["id"].startswith("__"):
            self.addresses.append(given["id"])


def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pages = {str(path.relative_to(tmp_path)): path.read_text("utf-8") for path in tmp_path.rglob("*.html")}
    assert len(pages) > 40
    for name, text in pages.items():
        look = Look()
        look.feed(text)
        assert [each for each in look.loaded if re.match(r"\w+:|//", each)] == [], name
        assert [each for each, count in Counter(look.addresses).items() if count > 1] == [], name
    for style in tmp_path.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?https?:", style.read_text("utf-8")), style
    assert len(list((tmp_path / "schemas").rglob("*.json"))) == len(KINDS)


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("reference/vmagent.md", "spec.remoteWrite.url"),
        ("reference/vmagent.md", "status.replicas"),
        ("reference/vmservicescrape.md", "spec.endpoints.basicAuth"),
        ("reference/vmcluster.md", "spec.vmstorage.replicaCount"),
        ("reference/types.md", "basicauth.username"),
        ("reference/environment.md", "VM_COMMON_LABELS"),
        ("reference/metrics.md", "workqueue_depth"),
        ("reference/metrics.md", "vmagent_operator_informer_synced"),
    ],
)
def test_what_is_there_has_an_address(page: str, address: str) -> None:
    assert f'<a id="{address}"' in PAGES[page]


def test_every_field_is_described_once() -> None:
    specs, statuses = {kind.spec_class for kind in KINDS}, [kind.status_class for kind in KINDS]
    described = [*statuses, *(_reached(specs | set(statuses)) - set(statuses))]
    kinds = {f"reference/{kind.singular}.md" for kind in KINDS} | {"reference/types.md"}
    rows = sum(PAGES[page].count('<a id="') for page in kinds)
    assert rows == sum(len(list(fields(cls))) for cls in described)


def _reached(classes: set[type]) -> set[type]:
    """These tables, and all that their fields are made of."""
    shapes = (leaf(slot.shape) for cls in classes for slot in fields(cls))
    more = classes | {shape.cls for shape in shapes if isinstance(shape, Model)}
    return more if more == classes else _reached(more)


def test_what_a_field_takes_is_said() -> None:
    (line,) = [line for line in PAGES["reference/vmagent.md"].splitlines() if 'id="spec.updateStrategy"' in line]
    assert line.endswith(
        "| string | How a Deployment is updated. One of <code>Recreate</code>, <code>RollingUpdate</code>. |"
    )
    (line,) = [line for line in PAGES["reference/vmagent.md"].splitlines() if 'id="spec.remoteWrite.url"' in line]
    assert line.endswith("| string | Where to send samples. **Required.** |")


def test_every_flag_is_listed() -> None:
    assert re.findall(r'<a id="([^"]*)"', PAGES["reference/flags.md"]) == [
        *(flag.name for flag in FLAGS if flag.has_effect),
        *(flag.name for flag in FLAGS if not flag.has_effect),
    ]


def _written() -> list[Path]:
    return [*sorted((ROOT / "docs").rglob("*.md")), *(ROOT / path for path in sorted({*ELSEWHERE.values()}))]


@pytest.mark.parametrize("page", _written(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere_in_the_repository_too(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []

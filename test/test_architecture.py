"""docs/architecture.md names what is there."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
LINKS = re.findall(r"\[`([^`]+)`\]\((\.\./[^)]+)\)", (DOCS / "architecture.md").read_text())


@pytest.mark.parametrize(("name", "path"), sorted(set(LINKS)))
def test_what_the_page_names_is_there(name: str, path: str) -> None:
    text = (DOCS / path).read_text()
    assert re.search(rf"^( *(def|class) {name}\b|{name}(:.*)? = )", text, re.MULTILINE)


def test_the_page_names_all_packages() -> None:
    page = (DOCS / "architecture.md").read_text()
    packages = {path.parent for path in (DOCS.parent / "vmagent_operator").glob("*/__init__.py")}
    assert [package.name for package in packages if f"| `{package.name}/` |" not in page] == []

"""What marks our objects stands in one module, so that no two places can disagree."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from vmagent_operator import identity

PACKAGE = Path(identity.__file__).parent
MARKS = {value for name, value in vars(identity).items() if name.isupper() and value != identity.VERSION}


def texts(path: Path) -> Iterator[str]:
    """The string literals of a module, docstrings included, and the literal parts of those that are put together."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def spelled(path: Path) -> list[str]:
    """The marks that a module spells out itself."""
    return [text for text in texts(path) if text in MARKS or identity.GROUP in text]


def test_a_mark_that_is_spelled_out_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("A = 'managed-by'\nB = f'{x}operator.victoriametrics.com/y'\nC = 'managed-by=x'\n")
    assert spelled(module) == ["managed-by", "operator.victoriametrics.com/y"]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_one_module_spells_out_what_marks_our_objects(path: Path) -> None:
    assert path.name == "identity.py" or spelled(path) == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "kube").rglob("*.py")), ids=lambda path: path.name)
def test_the_api_server_is_spoken_to_in_nobodys_name(path: Path) -> None:
    assert [text for text in texts(path) if "victoriametrics" in text or "vmagent" in text.lower()] == []

"""No folder of tests is skipped because some tool has a default for its name."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_no_folder_has_a_name_that_pytest_passes_over(pytestconfig: pytest.Config) -> None:
    skipped = pytestconfig.getini("norecursedirs")
    folders = {file.parent for file in HERE.rglob("test_*.py")}
    parts = {part for folder in folders for part in folder.relative_to(HERE.parent).parts}
    assert not [part for part in parts if any(Path(part).match(pattern) for pattern in skipped)]


def test_every_folder_is_a_package_so_that_equal_file_names_do_not_hide_each_other() -> None:
    folders = {file.parent for file in HERE.rglob("test_*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]

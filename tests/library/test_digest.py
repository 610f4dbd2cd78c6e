"""Code is known by its content: an edit shows, a copy or a checkout elsewhere does not."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import ml_lifecycle
import pytest
from ml_lifecycle.digest import code_digest, digest

HOUSE = Path(ml_lifecycle.__file__).parent


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the library that a test may edit."""
    copy = tmp_path / "ml_lifecycle"
    shutil.copytree(HOUSE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def of(house: Path) -> ModuleType:
    """Return the module of digests as it is in a copy of the library."""
    spec = importlib.util.spec_from_file_location("copied", house / "digest.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_copy_with_other_line_ends_and_compiled_files_is_the_same_code(house: Path) -> None:
    for path in house.rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (house / "data" / "__pycache__").mkdir()
    (house / "data" / "__pycache__" / "split.pyc").write_bytes(b"compiled")
    assert of(house).digest() == digest()


def test_an_edit_a_new_file_and_another_name_are_other_code(house: Path) -> None:
    seen = {digest()}
    page = house / "pages" / "base.html"
    page.write_text(page.read_text(encoding="utf-8") + " ", encoding="utf-8")
    seen.add(of(house).digest())
    (house / "extra.txt").touch()
    seen.add(of(house).digest())
    (house / "extra.txt").rename(house / "extra.text")
    seen.add(of(house).digest())
    assert len(seen) == 4


@pytest.mark.parametrize("name", ["evaluation/scores.py", "data/split.py", "model/search.py"])
def test_trials_depend_on_what_the_library_measures_and_how_it_cuts(
    house: Path, tmp_path: Path, name: str
) -> None:
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "features.py").write_text("WAY = 1\n")
    before = code_digest(recipe)
    assert of(house).code_digest(recipe) == before
    (house / name).write_text("SCORE = 2\n")
    assert of(house).code_digest(recipe) != before

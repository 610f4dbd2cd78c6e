"""The library as a package: what its wings name, what they may import, and what they are."""

import ast
import doctest
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import ml_lifecycle
import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.estimators import TemperatureScaledClassifier
from project.features import DateParts, features
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

HOUSE = Path(ml_lifecycle.__file__).parent
RECIPE = sys.modules["project"].__name__
# From the lowest to the highest: a wing imports from lower ones only.
FLOORS = [
    {"tables", "platforms"},
    {"data", "ledger"},
    {"evaluation"},
    {"model", "compiled"},
    {"release"},
    {"http", "monitoring"},
    {"service"},
    {"pages", "trying"},
]
FLOOR_OF = {wing: floor for floor, wings in enumerate(FLOORS) for wing in wings}
FEWEST = {"tables": 3, "compiled": 3, "pages": 4}  # they do one thing
WALKED = pkgutil.walk_packages(ml_lifecycle.__path__, "ml_lifecycle.")
MODULES = ["ml_lifecycle", *(module.name for module in WALKED)]
SOURCES = sorted(HOUSE.rglob("*.py"))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of each module that a source imports, or imports from."""
    package = ["ml_lifecycle", *path.relative_to(HOUSE).parent.parts]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            whole = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{whole}.{alias.name}" for alias in node.names)


def test_every_wing_has_its_floor() -> None:
    found = pkgutil.iter_modules(ml_lifecycle.__path__)
    assert {module.name for module in found if module.ispkg} == FLOOR_OF.keys()


def in_order(name: str) -> tuple[bool, bool, str]:
    """Return what names are sorted by: constants, classes, functions and modules."""
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.parametrize("wing", FLOOR_OF)
def test_a_wing_names_all_that_it_offers_and_no_more(wing: str) -> None:
    module = importlib.import_module(f"ml_lifecycle.{wing}")
    offered = module.__all__
    assert FEWEST.get(wing, 5) <= len(offered) <= 15
    assert offered == sorted(set(offered), key=in_order)
    modules = {found.name for found in pkgutil.iter_modules(module.__path__)}
    bound = {
        alias.asname or alias.name
        for node in parsed(HOUSE / wing / "__init__.py").body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert bound - modules == set(offered) - modules
    for name in set(offered) & modules:
        importlib.import_module(f"{module.__name__}.{name}")
    assert not [name for name in offered if not hasattr(module, name)]


@pytest.mark.parametrize("name", MODULES)
def test_what_a_docstring_shows_is_what_comes(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_docstrings_that_show_something() -> None:
    finder = doctest.DocTestFinder()
    modules: list[ModuleType] = [importlib.import_module(name) for name in MODULES]
    shown = [test for module in modules for test in finder.find(module) if test.examples]
    assert len(shown) > 5


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_module_imports_a_project_or_a_wing_above_its_own(path: Path) -> None:
    found = list(imported(path))
    assert not {name.split(".")[0] for name in found} & {RECIPE, "project", "world"}
    ours = [name.split(".")[1] for name in found if name.startswith("ml_lifecycle.")]
    wing = path.relative_to(HOUSE).parts[0]
    if wing in FLOOR_OF:
        above = {name for name in ours if FLOOR_OF.get(name, -1) > FLOOR_OF[wing]}
        beside = {name for name in ours if FLOOR_OF.get(name) == FLOOR_OF[wing]} - {wing}
        assert not above | beside


@pytest.mark.parametrize(
    "path", sorted(p for p in HOUSE.rglob("*.*") if p.suffix != ".pyc"), ids=name_of
)
def test_no_file_names_a_project_or_has_to_be_rendered(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    slug = RECIPE.replace("_", "-")
    assert not [word for word in (RECIPE, slug, "cookiecutter") if word in text]


@parametrize_with_checks(
    [
        TemperatureScaledClassifier(LogisticRegression()),
        TemperatureScaledClassifier(LogisticRegression(), temperature=2.0),
    ]
)
def test_an_estimator_is_one_of_scikit_learns(estimator: object, check: object) -> None:
    check(estimator)  # type: ignore[operator]


# scikit-learn's own checks bring numbers, which are no dates: what they ask is asked here.
DATES = pd.DataFrame({name: pd.to_datetime(["2024-01-31 06:00", None]) for name in ("a", "b")})


@pytest.mark.parametrize(("circle", "columns"), [(False, 8), (True, 14)])
def test_date_parts_name_each_column_of_the_matrix(circle: bool, columns: int) -> None:
    parts = DateParts(circle=circle).fit(DATES)
    names = parts.get_feature_names_out()
    assert parts.transform(DATES).shape == (2, columns) == (2, len(set(names)))
    table = pd.DataFrame(parts.transform(DATES), columns=names)
    assert table["a days"][0] == pytest.approx(19753.25)
    assert table["b hour" if not circle else "b hour sine"][0] == (1.0 if circle else 6.0)
    assert np.isnan(table.loc[1]).all()


@pytest.mark.parametrize("other", [["a"], ["b", "a"], ["a", "c"]])
def test_date_parts_take_the_columns_that_they_were_fitted_on(other: list[str]) -> None:
    parts = DateParts().fit(DATES)
    with pytest.raises(ValueError, match="feature"):
        parts.transform(DATES.assign(c=DATES["a"])[other])


@pytest.mark.parametrize("style", ["linear", "quantile", "trees"])
def test_the_matrix_has_a_name_for_each_column(typed: Any, style: Any) -> None:
    _, (frame, contract) = typed("binary")
    way = features(contract, style).fit(frame, frame["target"])
    names = way.get_feature_names_out()
    assert len(set(names)) == way.transform(frame).shape[1]
    assert any(name.startswith("date__since day") for name in names)

"""What docs/make-it-yours.md says is done word by word, and works."""

import re
import subprocess
import textwrap
from collections.abc import Callable

import pytest

from ..project import Project

OfTable = Callable[..., Project]
TREE = '    "sklearn.tree._tree.Tree",\n'
QUICK = ("budget_seconds = 25", "budget_seconds = 0.001")
# What could mind a feature, a candidate or a metric that it does not know.
CONCERNED = ("data/test_features.py", "model", "unit/test_scores.py", "unit/test_card.py")


def pages_code(project: Project, heading: str) -> list[str]:
    """Return the indented blocks of a section, each without its indent."""
    page = (project.root / "docs" / "make-it-yours.md").read_text(encoding="utf-8")
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", section, flags=re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") for block in blocks if block.strip()]


def change(project: Project, module: str, *changes: tuple[str, str]) -> None:
    path = project.root / "src" / project.package / module
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, (module, old)
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def add_feature(project: Project) -> None:
    (code,) = pages_code(project, "A feature")
    kind, used = code.split("\n\n    if ")
    end = "    return ColumnTransformer("
    change(
        project,
        "model/features.py",
        ("def features(", f"{kind}\n\n\ndef features("),
        (end, f"    if {used}\n{end}"),
    )


def add_candidate(project: Project) -> None:
    (code,) = pages_code(project, "A candidate")
    build, rung = code.split("\n\nFOREST = ")
    ranges, rung = rung.split("\nCandidate(")
    imported = "from sklearn.ensemble import HistGradientBoostingClassifier, "
    more = "from sklearn.ensemble import (\n    ExtraTreesClassifier,\n    ExtraTreesRegressor,\n"
    end = "    return [\n        Candidate("
    change(
        project,
        "model/candidates.py",
        (
            f"{imported}HistGradientBoostingRegressor\n",
            f"{more}    HistGradientBoostingClassifier,\n    HistGradientBoostingRegressor,\n)\n",
        ),
        ("def ladder(", f"FOREST = {ranges}\n\n\ndef ladder("),
        (end, f"{textwrap.indent(build, '    ')}\n\n{end}"),
        ('        rung("net"', f'        Candidate({rung}\n        rung("net"'),
    )


def add_metric(project: Project) -> None:
    function, entry = pages_code(project, "A metric")
    above, accuracy = "\n\n# weights: (draws, rows), how often", '    "accuracy": mean(_right),\n'
    names = ("roc_auc", "average_precision", "neg_log_loss", "neg_brier_score", "accuracy")
    binary = ", ".join(f'"{name}"' for name in names)
    longer = "".join(f'\n        "{name}",' for name in (*names, "balanced_accuracy"))
    change(
        project,
        "evaluation/scores.py",
        (above, f"\n\n{function}\n{above}"),
        (accuracy, f"{accuracy}    {entry}\n"),
        (f'    "binary": ({binary}),', f'    "binary": ({longer}\n    ),'),
    )
    known = '    "accuracy",\n'
    change(project, "settings.py", (known, f'{known}    "balanced_accuracy",\n'))
    project.edit('metric = "auto"', 'metric = "balanced_accuracy"')


@pytest.fixture(scope="module")
def mine(of_table: OfTable, default: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a feature, a candidate and a metric of its own, each as the page says."""
    table = tmp_path_factory.mktemp("mine") / "customers.csv"
    table.write_bytes((default.root / "data" / "example.csv").read_bytes())
    project = of_table(table, project_slug="made-mine", target="churned", time_column="month")
    project.edit(*QUICK)
    page = (project.root / "docs" / "make-it-yours.md").read_text(encoding="utf-8")
    assert TREE.strip() in page
    change(project, "release/bundle.py", ("TRUSTED = [\n", f"TRUSTED = [\n{TREE}"))
    add_feature(project)
    add_candidate(project)
    add_metric(project)
    assert project.verb("check-data").returncode == 0
    return project


def test_a_feature_a_candidate_and_a_metric_of_ones_own_come_to_serve(mine: Project) -> None:
    for verb in (["train"], ["promote", "--override", "to see it serve"]):
        done = mine.verb(*verb)
        assert done.returncode == 0, done.stdout + done.stderr
    rungs, metric = mine.ask(
        "from PACKAGE.release import registry\nfrom PACKAGE.release.champion import champion\n"
        "release = registry.fetch(champion(settings), settings)\n"
        "rungs = [rung['candidate'] for rung in release.evaluation['ladder']]\n"
        "answer = [rungs, release.evaluation['metric']]"
    )
    assert "forest" in rungs
    assert metric == "balanced_accuracy"


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("pytest", "-q", *(f"tests/{path}" for path in CONCERNED)),
    ],
)
def test_checks_and_tests_stay_green_with_what_is_ones_own(
    mine: Project, command: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [mine.python, "-m", *command], cwd=mine.root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr

"""What docs/make-it-yours.md says is done word by word, and works."""

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

from ..project import Project

OfTable = Callable[..., Project]
QUICK = ("seconds = 25", "seconds = 0.001")


def pages_code(project: Project, heading: str) -> list[str]:
    """Return the indented blocks of a section, each without its indent."""
    page = (project.root / "docs" / "make-it-yours.md").read_text(encoding="utf-8")
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", section, flags=re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") for block in blocks if block.strip()]


def own(of_table: OfTable, default: Project, tmp_path: Path) -> Project:
    table = tmp_path / "customers.csv"
    table.write_bytes((default.root / "data" / "example.csv").read_bytes())
    project = of_table(table, project_slug="made-mine", target="churned", time_column="month")
    project.edit(*QUICK)
    return project


def test_a_feature_is_a_change_of_one_file(
    of_table: OfTable, default: Project, tmp_path: Path
) -> None:
    project = own(of_table, default, tmp_path)
    path = project.root / "src" / project.package / "model" / "features.py"
    (code,) = pages_code(project, "A feature")
    kind, used = code.split("\n\n    ratio = ")
    source = path.read_text(encoding="utf-8")
    source = source.replace("def features(", f"{kind}\n\n\ndef features(", 1)
    end = "    return ColumnTransformer("
    assert source.count(end) == 1
    source = source.replace(end, f"    ratio = {used}\n{end}")
    path.write_text(source, encoding="utf-8")
    for verb in ("check-data", "train", "promote"):
        done = project.verb(verb)
        assert done.returncode == 0, done.stdout + done.stderr
    assert f"{project.package}.model.features.Ratio" in project.ask(
        "from PACKAGE.release import registry\nfrom PACKAGE.release.champion import champion\n"
        "release = registry.fetch(champion(settings), settings)\n"
        "import skops.io\n"
        "answer = skops.io.get_untrusted_types(file=release.path / 'model.skops')"
    )


def test_a_candidate_is_a_rung_and_the_types_that_it_brings(
    of_table: OfTable, default: Project, tmp_path: Path
) -> None:
    project = own(of_table, default, tmp_path)
    path = project.root / "src" / project.package / "model" / "candidates.py"
    (code,) = pages_code(project, "A candidate")
    build, rung = code.split("\n\nFOREST = ")
    ranges, rung = rung.split("\nCandidate(")
    allowed = project.root / "src" / project.package / "release" / "bundle.py"
    text = allowed.read_text(encoding="utf-8")
    tree = '    "sklearn.tree._tree.Tree",\n'
    page = (project.root / "docs" / "make-it-yours.md").read_text(encoding="utf-8")
    assert tree.strip(" ,\n") in page
    allowed.write_text(text.replace("TRUSTED = [\n", f"TRUSTED = [\n{tree}"), encoding="utf-8")
    source = path.read_text(encoding="utf-8")
    source = source.replace(
        "from sklearn.ensemble import ",
        "from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor\n"
        "from sklearn.ensemble import ",
    )
    source = source.replace("def ladder(", f"FOREST = {ranges}\n\n\ndef ladder(", 1)
    source = source.replace("    return [\n", f"{textwrap.indent(build, '    ')}\n\n    return [\n")
    source = source.replace('        rung("net"', f'        Candidate({rung}\n        rung("net"')
    path.write_text(source, encoding="utf-8")
    for verb in ("check-data", "train", "promote"):
        done = project.verb(verb)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "forest" in project.ask(
        "from PACKAGE.release import registry\nfrom PACKAGE.release.champion import champion\n"
        "release = registry.fetch(champion(settings), settings)\n"
        "answer = [rung['candidate'] for rung in release.evaluation['ladder']]"
    )

"""A person's mistakes: named in plain words, with the exit code of the promise, nothing written."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..project import Project

OfTable = Callable[..., Project]


def write_table(
    path: Path, rows: int = 400, **columns: Callable[[random.Random, int], str]
) -> Path:
    """Write a small table in which `bought` depends on `income`; further columns by name."""
    draw = random.Random(7)
    lines = [",".join(["income", "town", *columns, "bought"])]
    for number in range(rows):
        income = draw.gauss(50, 15)
        bought = "yes" if income + draw.gauss(0, 12) > 55 else "no"
        extra = [make(draw, number).replace("TARGET", bought) for make in columns.values()]
        lines.append(",".join([f"{income:.1f}", draw.choice("ABC"), *extra, bought]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "shop.csv")


@pytest.fixture(scope="module")
def shop(of_table: OfTable, table: Path) -> Project:
    """A project of a small table, checked once."""
    project = of_table(table, target="bought", project_name="Shop floor")
    done = project.verb("check-data")
    assert done.returncode == 0, done.stderr
    return project


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("margin = 0.01", "margn = 0.01", "gate.margn: there is no such key. Did you mean 'marg"),
        ("folds = 4", 'folds = "4"', "training.folds: Input should be a valid integer"),
        ("folds = 4", "folds = 1", "training.folds: Input should be greater than or equal to 2"),
        ("ignore = []", 'ignore = ["Income"]', "no column 'Income' in data/shop.csv. Did you mean"),
        ("ignore = []", 'ignore = ["bought"]', "named twice: bought"),
        (
            'positive_class = ""',
            'positive_class = "maybe"',
            "'maybe' is no class of 'bought': 'no', 'yes'",
        ),
        ('metric = "auto"', 'metric = "r2"', "r2 does not fit 'bought'"),
        ("[gate]", "[gate", "is not valid TOML"),
        ('source = "data/shop.csv"', 'source = "data/shpo.csv"', "data/shpo.csv: No such file"),
    ],
)
def test_a_slip_in_project_toml_is_named_and_exits_with_2(
    shop: Project, old: str, new: str, told: str
) -> None:
    shop.edit(old, new)
    try:
        done = shop.verb("train")
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr
        assert "Traceback" not in done.stderr
        assert not (shop.root / "mlflow.db").exists()
    finally:
        shop.edit(new, old)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kind: number", "kind: nmber", "Input should be 'number', 'integer'"),
        ("nullable", "nulable", "nulable: there is no such key. Did you mean 'nullable'?"),
        ("columns:", "colums:", "is no contract"),
    ],
)
def test_a_slip_in_the_contract_is_named_and_exits_with_2(
    shop: Project, old: str, new: str, told: str
) -> None:
    path = shop.root / "contract.yaml"
    text = path.read_text(encoding="utf-8").replace("role:", "nullable: true\n  role:", 1)
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    try:
        done = shop.verb("check-data")
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr
    finally:
        path.unlink()
        assert shop.verb("check-data").returncode == 0


def test_rows_that_break_the_contract_are_named_by_row_and_value(
    shop: Project, table: Path
) -> None:
    text = table.read_text(encoding="utf-8")
    lines = text.splitlines()
    lines[17] = lines[17].replace(",yes", ",").replace(",no", ",")
    lines[18] = "a lot," + lines[18].split(",", 1)[1]
    table.write_text("\n".join(lines), encoding="utf-8")
    try:
        done = shop.verb("check-data")
        assert done.returncode == 1
        assert "column 'income' is no number: row 18 'a lot'" in done.stderr
    finally:
        table.write_text(text, encoding="utf-8")


def test_a_column_that_is_gone_is_named(shop: Project, table: Path) -> None:
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("town", "city", 1), encoding="utf-8")
    try:
        done = shop.verb("check-data")
        assert done.returncode == 1
        assert "column 'town' is not there" in done.stderr
    finally:
        table.write_text(text, encoding="utf-8")


def test_verbs_before_their_time_say_what_comes_first(shop: Project) -> None:
    for verb, way_out in (
        ("promote", "train a model first"),
        ("serve", "run `train`, then `promote`"),
        ("drift", "run `train`, then `promote`"),
        ("rollback", "no former champion"),
    ):
        done = shop.verb(verb)
        assert done.returncode in (1, 2), (verb, done.stderr)
        assert way_out in done.stderr
        assert "Traceback" not in done.stderr


def test_a_registry_that_is_down_is_not_taken_for_an_empty_one(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    command = [str(shop.python), "-m", shop.package, "serve", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=shop.here, env=shop.env, stderr=pipe, text=True) as service:
        assert service.stderr
        said = next(line for line in service.stderr if "not ready" in line)
        service.terminate()
        assert service.wait(30) == 0
    assert "the registry at http://127.0.0.1:9 does not answer" in said


def test_production_without_keys_does_not_start(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    done = shop.verb("serve")
    assert done.returncode == 2
    assert "SERVICE_API_KEYS is empty" in done.stderr


def test_a_planted_leak_stops_check_data_until_it_is_decided(
    of_table: OfTable, tmp_path: Path
) -> None:
    path = write_table(tmp_path / "leak.csv", refund=lambda draw, _: "TARGET-paid")
    project = of_table(path, target="bought", project_name="Leaking shop")
    done = project.verb("check-data")
    assert done.returncode == 1
    assert (
        "refund: alone it predicts with a score of 1.00 (0: nothing, 1: all): a leak?"
        in done.stderr
    )
    assert not (project.root / "contract.yaml").exists()
    project.edit("ignore = []", 'ignore = ["refund"]')
    assert project.verb("check-data").returncode == 0


def test_a_target_that_nothing_explains_is_not_promoted(of_table: OfTable, tmp_path: Path) -> None:
    path = write_table(tmp_path / "noise.csv", luck=lambda draw, _: draw.choice(["yes", "no"]))
    project = of_table(path, target="luck", project_name="Pure luck")
    assert project.verb("train").returncode == 0
    done = project.verb("promote")
    assert done.returncode == 1
    assert "REJECT: not surely better than a guess without features" in done.stderr


def test_a_table_without_header_is_asked_about_and_then_read(
    of_table: OfTable, tmp_path: Path
) -> None:
    path = write_table(tmp_path / "bare.csv")
    path.write_text(path.read_text(encoding="utf-8").split("\n", 1)[1], encoding="utf-8")
    project = of_table(path, target="column_3", project_name="Bare shop")
    asked = project.verb("check-data")
    assert asked.returncode == 2
    assert "set `header = false`" in asked.stderr
    project.edit("header = true", "header = false")
    done = project.verb("check-data")
    assert done.returncode == 0, done.stderr
    assert "400 rows, 3 columns" in done.stdout


def test_odd_names_and_alphabets_go_all_the_way_to_a_champion(
    of_table: OfTable, tmp_path: Path
) -> None:
    path = write_table(
        tmp_path / "taber.csv", **{'größe "cm" (b)': lambda d, _: f"{d.gauss(9, 1):.2f}"}
    )
    text = path.read_text(encoding="utf-8").replace('größe "cm" (b)', '"größe ""cm"" {b}"')
    text = text.replace("town", " 城市 ").replace("income", "доход")
    text = text.replace("A,", "北京 ,").replace("yes", "1").replace("no", "0")
    path.write_text(text, encoding="utf-8")
    project = of_table(path, target="bought", project_name="Odd names")
    for verb in ("check-data", "train", "promote", "card"):
        done = project.verb(verb)
        assert done.returncode == 0, (verb, done.stderr)
    page = (project.root / "reports" / "version-1.html").read_text(encoding="utf-8")
    assert "城市" in page
    assert "доход" in page


def test_a_number_written_the_other_way_is_no_number(of_table: OfTable, tmp_path: Path) -> None:
    path = write_table(tmp_path / "comma.csv")
    text = path.read_text(encoding="utf-8").replace(",", ";").replace(".", ",")
    path.write_text(text, encoding="utf-8")
    project = of_table(path, target="bought", project_name="Comma shop")
    assert project.verb("check-data").returncode == 0
    path.write_text(text.replace(",", "."), encoding="utf-8")
    done = project.verb("check-data")
    assert done.returncode == 1
    assert "column 'income' is no number: row 1" in done.stderr

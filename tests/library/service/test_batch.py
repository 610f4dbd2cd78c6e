"""A file is scored as the service answers, however large it is and however often it is cut off."""

import csv
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from ml_lifecycle.data.rows import to_records
from ml_lifecycle.errors import DataError, WrongUse
from project import lifecycle
from project.lifecycle import predict
from world import Champion, Settings

PATIENCE = 60.0  # seconds until a condition must hold; never waited for in full when it does
SAID = ["prediction", "probability of no", "probability of yes"]


@pytest.fixture
def own(champion: Champion, tmp_path: Path) -> Settings:
    return champion.copy(tmp_path / "own")


@pytest.fixture
def table(champion: Champion) -> Path:
    return champion.settings.project.root / "table.csv"


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(lifecycle, "PIECE", 90)
    return 90


def quiet(*_: Any) -> None:
    """Tell nobody how far it is."""


@pytest.mark.parametrize("way", ["csv", "parquet"])
def test_a_file_gets_the_services_answers_to_the_last_digit(
    served: Any, champion: Champion, own: Settings, table: Path, tmp_path: Path,
    small_pieces: int, way: str,
) -> None:  # fmt: skip
    output = tmp_path / f"out.{way}"
    done = predict(own, str(table), output, quiet)
    rows = to_records(champion.rows[0].drop(columns="target"))
    answer = served.http.post("/predict", json={"rows": rows}).json()["predictions"]
    assert done.rows == len(rows) == len(answer)
    if way == "csv":
        with output.open(newline="", encoding="utf-8") as file:
            found = [[row[name] for name in SAID] for row in csv.DictReader(file)]
        expected = [
            [one["prediction"], *map(repr, one["probabilities"].values())] for one in answer
        ]
    else:
        found = pq.read_table(output).select(SAID).to_pandas().to_numpy().tolist()
        expected = [[one["prediction"], *one["probabilities"].values()] for one in answer]
    assert found == expected
    came = pd.read_csv(table, dtype=str, keep_default_na=False)
    kept = pd.read_csv(output, dtype=str, keep_default_na=False) if way == "csv" else None
    if kept is not None:
        pd.testing.assert_frame_equal(kept[list(came.columns)], came)


def test_a_regression_is_scored_as_served(
    typed: Any, serving: Any, tmp_path: Path, small_pieces: int
) -> None:
    from world import crown

    own = crown(*typed("regression")).copy(tmp_path / "own")
    table = own.project.root / "table.csv"
    if not table.exists():
        table = typed("regression")[0].project.root / "table.csv"
    predict(own, str(table), tmp_path / "out.csv", quiet)
    rows = to_records(typed("regression")[1][0].drop(columns="target"))
    with serving(own) as running:
        answer = running.http.post("/predict", json={"rows": rows}).json()["predictions"]
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        found = [float(row["prediction"]) for row in csv.DictReader(file)]
    assert found == [one["prediction"] for one in answer]


def killed_in_the_middle(own: Settings, table: Path, output: Path) -> None:
    """Score a file in a process of its own, and kill it when some parts are done."""
    code = f"""
        import sys
        sys.path[:0] = {sys.path!r}
        import world
        from pathlib import Path
        from project import lifecycle
        lifecycle.PIECE = 90
        settings = world.own(Path({str(own.project.root)!r}))
        """
    code += f"""
        def slowly(*_):
            import time
            time.sleep(0.2)
        lifecycle.predict(settings, {str(table)!r}, Path({str(output)!r}), slowly)
    """
    folder = output.with_name(f".{output.name}.parts")
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, env=os.environ) as process:
        started = time.monotonic()
        while len(list(folder.glob("*.json"))) < 3:
            assert process.poll() is None
            assert time.monotonic() - started < PATIENCE
        process.send_signal(signal.SIGKILL)
    assert not output.exists()


def test_a_try_that_was_killed_is_gone_on_with(
    own: Settings, table: Path, tmp_path: Path, small_pieces: int
) -> None:
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    predict(own, str(table), whole, quiet)
    killed_in_the_middle(own, table, cut)
    done = predict(own, str(table), cut, quiet)
    assert 270 <= done.before < done.rows
    assert cut.read_bytes() == whole.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"own", "whole.csv", "cut.csv"}


def test_parts_of_another_table_are_not_gone_on_with(
    own: Settings, table: Path, tmp_path: Path, small_pieces: int
) -> None:
    output = tmp_path / "out.csv"
    killed_in_the_middle(own, table, output)
    other = tmp_path / "other.csv"
    other.write_bytes(table.read_bytes())
    assert predict(own, str(other), output, quiet).before == 0


def test_a_row_far_down_that_breaks_the_contract_is_named_and_nothing_is_left(
    own: Settings, table: Path, tmp_path: Path, small_pieces: int
) -> None:
    frame = pd.read_csv(table, dtype=str)
    frame.loc[500, "usage"] = "much"
    frame.to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(DataError, match="'usage' is no number: row 501 'much'"):
        predict(own, str(tmp_path / "in.csv"), tmp_path / "out.csv", quiet)
    assert {path.name for path in tmp_path.iterdir()} == {"own", "in.csv"}


def test_how_far_it_is_and_how_long_it_takes_is_told(
    own: Settings, table: Path, tmp_path: Path, small_pieces: int
) -> None:
    told: list[tuple[str, int, int]] = []
    predict(own, str(table), tmp_path / "out.csv", lambda *step: told.append(step))
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told})
    assert told[-1][1:] == (1000, 1000)
    assert all("a second" in what and "left" in what for what, _, _ in told)


def test_where_the_output_cannot_be_written_is_said(
    own: Settings, table: Path, tmp_path: Path
) -> None:
    for output in (tmp_path, tmp_path / "no" / "out.csv", Path("/proc/out.csv")):
        with pytest.raises(WrongUse, match=str(output)):
            predict(own, str(table), output, quiet)
    with pytest.raises(WrongUse, match="another file"):
        predict(own, str(table), table, quiet)

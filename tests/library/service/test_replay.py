"""The tour is a project of its own that knows what was known then, and sends what is taken."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from ml_lifecycle.data.contract import Contract, load_contract
from ml_lifecycle.errors import WrongUse
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.release import keys
from ml_lifecycle.service import replay
from ml_lifecycle.service.replay import MOST, Window, batches
from ml_lifecycle.service.settings import ServiceSettings
from ml_lifecycle.tables.read import read_table
from project.settings import Settings, load
from world import check

TOML = '[data]\nsource = {source}\ntarget = "y"\ntime = "day"\n[gate]\nmargin = 0.02\n'


def table(rows: int = 90) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "day": pd.date_range("2025-01-01", periods=rows).strftime("%Y-%m-%d"),
            "plan": ["basic", "plus"] * (rows // 3) + ["family"] * (rows - 2 * (rows // 3)),
            "fee": [number // 3 + 0.5 for number in range(rows)],
            "y": ["yes", "no", "no"] * (rows // 3),
        }
    )


def windows(
    frame: pd.DataFrame, contract: Contract, settings: Settings
) -> tuple[pd.DataFrame, list[Window]]:
    """Cut typed rows as the tour does."""
    least, seed = settings.drift.min_rows, settings.training.seed
    return replay.windows(frame, contract, settings.data, settings.service, least, seed)


def apart(settings: Settings, contract: Contract, history: pd.DataFrame) -> Settings:
    """Make the tour's project; return its settings."""
    return load(replay.apart(settings.project, settings.data.source, contract, history))


def begun(root: Path, source: str, frame: pd.DataFrame) -> tuple[Settings, Contract, pd.DataFrame]:
    """Return settings, contract and history of a new project; its table lies at `source`."""
    path = root / source
    path.parent.mkdir(exist_ok=True, parents=True)
    frame.to_csv(path, index=False)
    (root / "project.toml").write_text(TOML.format(source=json.dumps(source)), encoding="utf-8")
    settings = load(root)
    checked = check(settings)
    return settings, checked.contract, windows(checked.rows, checked.contract, settings)[0]


@pytest.mark.parametrize("where", ["t.csv", "data/it's \\ 100%.csv", "../t.csv", "{root}/t.csv"])
def test_the_tour_reads_the_same_table_by_settings_of_its_own(tmp_path: Path, where: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    settings, contract, history = begun(root, where.format(root=root), table())
    own = apart(settings, contract, history)
    assert own.project.root == root / ".tour"
    there, here = (read_table(s.data.source, s.project.root) for s in (own, settings))
    assert there.frame.equals(here.frame)
    assert own.gate == settings.gate


def test_a_url_is_read_where_it_is(tmp_path: Path) -> None:
    _, contract, history = begun(tmp_path, "t.csv", table())
    url = (tmp_path / "t.csv").as_uri()
    (tmp_path / "project.toml").write_text(TOML.format(source=f'"{url}"'))
    assert apart(load(tmp_path), contract, history).data.source == url


def test_a_source_that_the_tour_cannot_rewrite_is_said(tmp_path: Path) -> None:
    _, contract, history = begun(tmp_path, "t.csv", table())
    (tmp_path / "project.toml").write_text('data.source = "t.csv"\ndata.target = "y"\n')
    with pytest.raises(WrongUse, match="on one line"):
        apart(load(tmp_path), contract, history)


def test_what_comes_later_is_news_and_roles_and_kinds_stay(tmp_path: Path) -> None:
    settings, contract, history = begun(tmp_path, "t.csv", table())
    own = apart(settings, contract, history)
    then = {c.name: c for c in load_contract(own.project.contract_path, own.data).columns}
    now = {c.name: c for c in contract.columns}
    assert now["plan"].categories == ("basic", "family", "plus")
    assert then["plan"].categories == ("basic", "plus")
    assert (now["fee"].maximum, then["fee"].maximum) == (29.5, 19.5)
    assert then["y"] == now["y"]
    about = [(c.name, c.role, c.kind, c.nullable) for c in now.values()]
    assert [(c.name, c.role, c.kind, c.nullable) for c in then.values()] == about
    whole = load_contract(settings.project.contract_path, settings.data)
    assert whole == contract


def test_the_next_tour_begins_afresh(tmp_path: Path) -> None:
    settings, contract, history = begun(tmp_path, "t.csv", table())
    for _ in range(2):
        own = apart(settings, contract, history)
        with Ledger(own.project.ledger_url) as ledger:
            assert ledger.decisions() == []
            ledger.decide("promotion", "hold", "because")
    assert not (tmp_path / "ledger.db").exists()


def test_a_tours_folder_that_is_a_link_is_left_alone(tmp_path: Path) -> None:
    settings, contract, history = begun(tmp_path / "project", "t.csv", table())
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.txt").touch()
    (settings.project.root / ".tour").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WrongUse, match="is a link, and what it leads to stays"):
        apart(settings, contract, history)
    assert (tmp_path / "elsewhere" / "mine.txt").exists()


def test_the_tour_signs_with_keys_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tour = tmp_path / ".tour"
    tour.mkdir()
    monkeypatch.setenv("ENVIRONMENT", "production")
    for name in (keys.SIGNING, keys.VERIFY):
        monkeypatch.setenv(name, "0" * 64)
    keys.verify(b"said", keys.sign(b"said", tour), tour)
    assert (tour / "keys" / "signing.key").exists()
    shutil.rmtree(tour / "keys")
    with pytest.raises(WrongUse):
        keys.sign(b"said", tmp_path)


def test_rows_beyond_the_most_of_a_window_are_counted(tmp_path: Path) -> None:
    settings, contract, _ = begun(tmp_path, "t.csv", table())
    rows = 3 * 6 * (MOST + 7)
    long = pd.DataFrame({"day": pd.date_range("1900-01-01", periods=rows)})
    cut = windows(long, contract, settings)[1]
    assert [(len(window.rows), window.left_out) for window in cut] == [(MOST, 7)] * 6


def test_rows_that_the_service_does_not_take_are_no_traffic(tmp_path: Path) -> None:
    settings, contract, _ = begun(tmp_path, "t.csv", table())
    rows = check(settings).rows
    rows.loc[[0, 88], "plan"] = "x" * (settings.service.max_text_length + 1)
    history, cut = windows(rows, contract, settings)
    assert len(history) == 60, "they may be learnt from"
    assert [(len(window.rows), window.left_out) for window in cut] == [(29, 1)]


@pytest.mark.parametrize(("text", "sizes"), [("short", [50, 50, 20]), ("é" * 9_000, [48, 48, 24])])
def test_a_request_of_the_tour_holds_no_more_than_the_service_takes(
    text: str, sizes: list[int]
) -> None:
    rows = [{"note": text, "place": place} for place in range(120)]
    found = list(batches(rows, ServiceSettings(body_kilobytes=964)))
    assert [len(batch) for batch in found] == sizes
    assert [row for batch in found for row in batch] == rows

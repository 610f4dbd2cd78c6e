"""Nasty tables, each with what the person sees who brings it."""

import codecs
from collections.abc import Callable
from typing import Any

import pytest
from ml_lifecycle.data.check import CheckedTable
from ml_lifecycle.data.contract import Column, save_contract
from ml_lifecycle.display import checked_table
from ml_lifecycle.errors import CheckFailed
from world import check

ROWS = 240
Cell = Callable[[int], object]


def target(row: int) -> str:
    return "yes" if row * 7919 % 997 % 5 < 2 else "no"


def write(cells: dict[str, Cell], separator: str = ",", header: bool = True) -> str:
    """Return a table of `cells`, a column of unrelated numbers, and the target."""
    given: dict[str, Cell] = cells | {"noise": lambda i: i * 7919 % 1009 / 8, "target": target}
    lines = [separator.join(given)] if header else []
    lines += [separator.join(str(cell(i)) for cell in given.values()) for i in range(ROWS)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def see(project: Any) -> Callable[..., CheckedTable]:
    """Check a table given as text or bytes; options are those of [data]."""

    def see(content: str | bytes, **data: Any) -> CheckedTable:
        settings = project(**({"group": "", "sensitive": (), "ignore": ()} | data))
        data_of = content if isinstance(content, bytes) else content.encode()
        (settings.project.root / "table.csv").write_bytes(data_of)
        checked = check(settings)
        print(checked_table(checked, ""))
        return checked

    return see


def column(checked: CheckedTable, name: str = "it") -> Column:
    return next(column for column in checked.contract.columns if column.name == name)


def told(checked: CheckedTable, name: str = "it") -> list[str]:
    return [finding.text for finding in checked.findings if finding.column == name]


def refused(see: Callable[..., CheckedTable], content: str | bytes, **data: Any) -> list[str]:
    """Return the numbered lines of the one list."""
    with pytest.raises(CheckFailed) as error:
        see(content, **data)
    lines = str(error.value).splitlines()
    return [line.split(". ", 1)[1] for line in lines[1:]] or lines


def pick(*values: object) -> Cell:
    return lambda i: values[i * 7877 % 1013 % len(values)]


def test_a_russian_export_of_a_spreadsheet(see: Any) -> None:
    cells = {"город": pick("Москва", "Казань", "Самара"), "цена": lambda i: f"{i * 31 % 97},5"}
    checked = see(write(cells, ";").encode("cp1251"))
    assert checked.table.notes[:2] == (
        "read as cp1251, likeliest by its letters; `encoding` in project.toml overrules it",
        "separator ';'",
    )
    assert column(checked, "город").categories == ("Казань", "Москва", "Самара")
    assert column(checked, "цена").note == "decimal commas"


def test_one_broken_byte_in_a_good_file(see: Any) -> None:
    good = write({"it": pick("Köln", "Zürich", "Århus")}).encode()
    place = good.index("ü".encode())
    line = good[:place].count(b"\n") + 1
    said = refused(see, good[: place + 1] + good[place + 2 :])
    assert said == [
        f"table.csv: line {line}, byte {place}: b'\\xc3ric' is no utf-8 text; mend the file, or "
        "name its `encoding` in project.toml"
    ]


def test_a_wrong_guess_is_overruled(see: Any) -> None:
    data = write({"it": pick("Szűcs", "Győr")}).encode("cp1250")
    assert column(see(data, encoding="cp1250")).categories == ("Győr", "Szűcs")


def test_a_table_without_a_header_line(see: Any) -> None:
    cells = {"5.1": pick(5.1, 4.9, 4.7), "3.5": pick(3.5, 3, 3.2), "b": pick("b", "c")}
    text = write(cells).replace("noise,target", "0.5,no", 1)
    assert refused(see, text, target="no") == [
        "(header): the first line looks like a row of data (5.1, 3.5, b, 0.5, no). Set `header = "
        "false` in project.toml if it is, or add these names to `keep`."
    ]
    assert see(text, header=False, target="column_5").table.frame.shape == (ROWS + 1, 5)


def test_dates_written_in_two_ways(see: Any) -> None:
    text = write({"it": lambda i: f"{i % 28 + 1:02}.05.2024" if i != 3 else "2024-05-20"})
    assert refused(see, text.replace("05.05.2024", "2024-05-05")) == [
        "column 'it' is no date: row 4 '2024-05-20', row 5 '2024-05-05', row 33 '2024-05-05', row "
        "61 '2024-05-05', row 89 '2024-05-05' and 5 more. Mend the table; a feature may also be "
        "set aside (`ignore`) or taken as it is (`keep`)."
    ]


def test_days_and_months_that_could_be_swapped(see: Any) -> None:
    checked = see(write({"it": lambda i: f"{i % 12 + 1:02}/{i % 11 + 1:02}/2024"}))
    assert told(checked) == ["is read as %d/%m/%Y, and %m/%d/%Y fits too: choose in contract.yaml"]


def test_a_date_that_lies_after_the_event(see: Any) -> None:
    cells = {"day": lambda i: f"2024-{i // 28 % 9 + 1:02}-{i % 28 + 1:02}"}
    cells["paid"] = lambda i: f"2024-{i // 28 % 9 + 1 + i % 3:02}-{i % 28 + 1:02}"
    text = write(cells)
    assert refused(see, text, time="day") == [
        "paid: lies after 'day' in 67% of the rows: known only later? Add to `ignore` in "
        "project.toml what is not known when predicting; else to `keep`."
    ]
    assert column(see(text, time="day", keep=("paid",)), "paid").role == "feature"


@pytest.mark.parametrize(
    ("spell", "note", "least"),
    [
        (lambda i: f"1\u202f{i:03},50 €", "decimal commas, with € left out", 1000.5),
        (lambda i: f"$1'{i:03}.50", "with $ left out", 1000.5),
        (lambda i: f"{i % 90}.25%", "with % left out", 0.25),
        (lambda i: f"-{i + 1} 000", "", -240_000),
    ],
)
def test_money_and_shares_as_people_write_them(
    see: Any, spell: Cell, note: str, least: float
) -> None:
    found = column(see(write({"it": spell}, ";")))
    assert (found.note, found.minimum) == (note, least)


def test_thousands_that_could_be_decimals(see: Any) -> None:
    checked = see(write({"it": lambda i: f"{i % 90 + 1}.{i * 7 % 900 + 100}"}))
    assert told(checked) == ["1.100 is read as 1.1; else set its `format` in contract.yaml"]


def test_post_codes_are_no_numbers(see: Any) -> None:
    found = column(see(write({"it": pick("01067", "10115", "20095")})))
    assert (found.kind, found.note) == ("category", "digits with leading zeros: codes")


def test_a_column_over_again_in_other_words(see: Any) -> None:
    cells = {"code": pick(1, 2, 3), "it": pick("low", "mid", "top"), "sum": lambda i: i * i % 101}
    checked = see(write(cells | {"copy": cells["sum"]}))
    assert told(checked) == ["is one to one with 'code' in every row; one of them is enough"]
    assert told(checked, "copy") == ["is equal to 'sum' in every row; one of them is enough"]


def test_values_that_are_missing_where_the_target_is_no(see: Any) -> None:
    cells = {"it": lambda i: "" if target(i) == "no" and i % 2 else pick("a", "b")(i)}
    said = told(see(write(cells)))[0]
    assert said.startswith("is missing in 50% of target 'no', 0% of 'yes'. Add to `ignore`")


@pytest.mark.parametrize(
    ("spell", "what"),
    [
        (lambda i: f"anna{i % 50}@example.org", "e-mail addresses"),
        (lambda i: f"+49 30 {i % 50 + 1000}-{i % 50}", "phone numbers"),
        (lambda i: f"DE{i % 50 + 10} 3704 0044 0532 0130 00", "bank accounts"),
    ],
)
def test_people_behind_a_harmless_name(see: Any, spell: Cell, what: str) -> None:
    said = f"looks like personal data ({what}); add it to `ignore` if it is"
    assert told(see(write({"it": spell}))) == [said]


def test_a_column_that_is_nearly_always_the_same(see: Any) -> None:
    checked = see(write({"it": lambda i: "rare" if i == 7 else "usual"}))
    assert told(checked) == ["is 'usual' in 99.58% of its values"]


def test_numbers_with_words_among_them(see: Any) -> None:
    text = write({"it": lambda i: "n.k." if i % 5 == 4 else i / 8})
    assert refused(see, text) == [
        "column 'it' is no number: row 5 'n.k.', row 10 'n.k.', row 15 'n.k.', row 20 'n.k.', row "
        "25 'n.k.' and 43 more. Mend the table; a feature may also be set aside (`ignore`) or "
        "taken as it is (`keep`)."
    ]
    assert column(see(text, keep=("it",))).kind == "category"


def test_all_that_is_wrong_stands_in_one_list(see: Any) -> None:
    cells = {
        "day": lambda i: "" if i == 9 else f"2024-01-{i % 28 + 1:02}",
        "size": lambda i: "big" if i == 5 else i % 100 / 8,
        "refund": lambda i: f"{target(i)}-paid",
    }
    said = refused(see, write(cells), time="day")
    assert [line[:60] for line in said] == [
        "column 'day' is the time of a row, and missing: row 10. Mend",
        "column 'size' is no number: row 6 'big'. Mend the table; a f",
        "refund: alone it predicts with a score of 1.00 (0: nothing, ",
    ]


def test_a_doubt_of_another_kind_does_not_hide_a_leak(see: Any) -> None:
    cells = {"season": pick("spring", "autumn"), "refund": lambda i: f"{target(i)}-paid"}
    said = refused(see, write(cells), time="season")
    assert [line[:60] for line in said] == [
        "season: is the time column, but 'spring' is no date: choose ",
        "refund: alone it predicts with a score of 1.00 (0: nothing, ",
    ]


def test_long_and_wide_names_fit_a_terminal(project: Any) -> None:
    settings = project(group="", sensitive=(), ignore=())
    names = {"größe " * 40: pick("a", "b"), "北京" * 40: pick("広い", "狭い"), "a\tb": pick(1.5, 2)}
    (settings.project.root / "table.csv").write_text(write(names, "|"), encoding="utf-8")
    text = checked_table(check(settings), "")
    wide = "".join(line for line in text.split("\n\n")[1].splitlines() if "北京" in line)
    assert wide
    for line in text.split("\n\n")[1].splitlines():
        assert len(line) + sum("\u3000" < letter < "\uffdc" for letter in line) <= 110


def test_a_contract_loosened_by_hand_holds_and_the_difference_is_shown(project: Any) -> None:
    settings = project(group="", sensitive=(), ignore=())
    path = settings.project.root / "table.csv"
    path.write_bytes(codecs.BOM_UTF8 + write({"it": lambda i: i * 7 % 90 / 8}).encode())
    ours = check(settings).contract
    loose = [c.replace(nullable=True, maximum=99.0) if c.name == "it" else c for c in ours.columns]
    changed = ours.model_copy(update={"columns": tuple(loose)})
    save_contract(changed, settings.project.contract_path)
    checked = check(settings)
    shown = "'it': nullable True in the contract, False now, maximum 99.0 in the contract, 11.125"
    assert checked.changes == (f"{shown} now",)
    assert f"Not as in contract.yaml: {shown} now." in checked_table(checked, "")
    tight = [c.replace(kind="integer") if c.name == "it" else c for c in ours.columns]
    changed = ours.model_copy(update={"columns": tuple(tight)})
    save_contract(changed, settings.project.contract_path)
    with pytest.raises(CheckFailed, match=r"1\. column 'it' is no whole number: row 2 '0.875'"):
        check(settings)

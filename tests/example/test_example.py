"""The bundled example keeps the promises that its README makes; needs numpy and nothing more."""

import csv
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

GENERATOR = Path(__file__).with_name("generate.py")
TEMPLATE = Path(__file__).parents[2] / "{{cookiecutter.project_slug}}"
EXAMPLE = TEMPLATE / "data" / "example.csv"
NUMBERS = ["age", "tenure_months", "monthly_fee", "usage_hours", "support_calls", "late_payments"]
CATEGORIES = ["gender", "region", "plan", "contract", "autopay", "satisfaction", "churned"]
GAPS = ["age", "usage_hours", "satisfaction"]
CHECKS = 12 * (len(NUMBERS) + len(CATEGORIES) + len(GAPS))

Row = dict[str, str]


@pytest.fixture(scope="module")
def months() -> list[list[Row]]:
    """The rows of each month, in order of time: item 0 is January 2024."""
    by_month: dict[str, list[Row]] = defaultdict(list)
    with EXAMPLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            by_month[row["month"]].append(row)
    return [by_month[month] for month in sorted(by_month)]


def numbers(rows: list[Row], column: str) -> np.ndarray:
    """The values of a column that are not missing."""
    return np.array([float(row[column]) for row in rows if row[column]])


def share(rows: list[Row], column: str, value: str) -> float:
    """Share of rows with this value; the empty string is a missing one."""
    return sum(row[column] == value for row in rows) / len(rows)


def affected(flags: list[bool]) -> list[int]:
    """The months, counted from 1, in which something is so."""
    return [month for month, flag in enumerate(flags, start=1) if flag]


def others(months: list[list[Row]], left_out: int | None = None) -> list[Row]:
    """The rows of the quiet year, without one of its months if it is named."""
    return [row for i, rows in enumerate(months[:12]) if i != left_out for row in rows]


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Kolmogorov and Smirnov's statistic, scaled: max |F - G| sqrt(nm / (n + m))."""
    grid = np.unique(np.concatenate([a, b]))
    f = np.searchsorted(np.sort(a), grid, side="right") / a.size
    g = np.searchsorted(np.sort(b), grid, side="right") / b.size
    return float(np.abs(f - g).max() * np.sqrt(a.size * b.size / (a.size + b.size)))


def difference(a: list[Row], b: list[Row], column: str, value: str) -> float:
    """|z| of two shares: (p - q) / sqrt(r (1 - r) (1/n + 1/m)), r the pooled share."""
    pooled = share(a + b, column, value)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / len(a) + 1 / len(b)))
    return float(abs(share(a, column, value) - share(b, column, value)) / max(spread, 1e-12))


def test_generator_reproduces_the_committed_table_byte_for_byte(tmp_path: Path) -> None:
    output = tmp_path / "example.csv"
    subprocess.run([sys.executable, str(GENERATOR), str(output)], check=True)
    assert output.read_bytes() == EXAMPLE.read_bytes()


def test_table_is_small_and_has_about_twelve_thousand_rows(months: list[list[Row]]) -> None:
    assert EXAMPLE.stat().st_size < 1_500_000
    assert 11_500 < sum(map(len, months)) < 12_500


def test_months_are_eighteen_and_grow_gently(months: list[list[Row]]) -> None:
    sizes = [len(rows) for rows in months]
    names = [f"{2024 + i // 12}-{i % 12 + 1:02d}-01" for i in range(18)]
    assert [rows[0]["month"] for rows in months] == names
    assert sizes[0] == 550
    assert all(0 < step < 30 for step in np.diff(sizes))


def test_usage_arrives_in_minutes_in_month_13_only(months: list[list[Row]]) -> None:
    usual = np.median(numbers(others(months), "usage_hours"))
    medians = np.array([np.median(numbers(rows, "usage_hours")) for rows in months]) / usual
    assert affected((medians > 2).tolist()) == [13]
    assert medians[12] == pytest.approx(60, rel=0.15)


def test_family_plan_is_seen_in_month_14_only(months: list[list[Row]]) -> None:
    families = [share(rows, "plan", "family") for rows in months]
    assert affected([family > 0 for family in families]) == [14]
    assert families[13] == pytest.approx(0.12, abs=0.03)


def test_campaign_brings_other_customers_in_month_15_only(months: list[list[Row]]) -> None:
    ages = numbers(others(months), "age")
    younger = [(ages.mean() - numbers(rows, "age").mean()) / ages.std() for rows in months]
    assert affected([shift > 0.3 for shift in younger]) == [15]
    assert affected([share(rows, "plan", "premium") > 0.35 for rows in months]) == [15]
    assert affected([share(rows, "region", "north") > 0.35 for rows in months]) == [15]


def test_campaign_does_not_raise_churn(months: list[list[Row]]) -> None:
    usual = share(others(months), "churned", "yes")
    assert share(months[14], "churned", "yes") < usual + 0.01


def test_price_rises_for_monthly_contracts_from_month_16_on(months: list[list[Row]]) -> None:
    for contract, rising in [("monthly", [16, 17, 18]), ("yearly", [])]:
        fees = [numbers([r for r in m if r["contract"] == contract], "monthly_fee") for m in months]
        highest = max(fee.max() for fee in fees[:12])
        assert affected([fee.min() > highest for fee in fees]) == rising
        assert affected([bool(fee.max() > highest + 0.1) for fee in fees]) == rising


def test_other_customers_leave_from_month_16_on(months: list[list[Row]]) -> None:
    content = [
        [row for row in rows if row["contract"] == "monthly" and row["satisfaction"] in {"4", "5"}]
        for rows in months
    ]
    rates = [share(rows, "churned", "yes") for rows in content]
    assert affected([rate > 0.3 for rate in rates]) == [16, 17, 18]


def test_quiet_year_shows_no_drift_in_any_column(months: list[list[Row]]) -> None:
    """Bonferroni at 0.05 over 192 checks: scaled KS below 2.1, |z| of a share below 4.1."""
    ks_limit = np.sqrt(-0.5 * np.log(0.05 / CHECKS / 2))
    for i, rows in enumerate(months[:12]):
        rest = others(months, i)
        for column in NUMBERS:
            assert distance(numbers(rows, column), numbers(rest, column)) < ks_limit, (i, column)
        for column in CATEGORIES:
            for value in {row[column] for row in rest + rows}:
                assert difference(rows, rest, column, value) < 4.1, (i, column, value)
        for column in GAPS:
            assert difference(rows, rest, column, "") < 4.1, (i, column)


def test_quiet_year_has_no_trend(months: list[list[Row]]) -> None:
    """Slope of the monthly means over the year: below 3.5 of its standard errors."""
    time = np.arange(12) - 5.5
    for column in NUMBERS:
        columns = [numbers(rows, column) for rows in months[:12]]
        slope = sum(t * c.mean() for t, c in zip(time, columns, strict=True))
        error = sum(t**2 * c.var() / c.size for t, c in zip(time, columns, strict=True))
        assert abs(slope) < 3.5 * np.sqrt(error), column


def test_a_customer_appears_in_several_months_once_in_each(months: list[list[Row]]) -> None:
    seen = Counter(row["customer_id"] for rows in months for row in rows)
    assert all(len({row["customer_id"] for row in rows}) == len(rows) for rows in months)
    assert 2 < np.mean(list(seen.values())) < 3
    assert max(seen.values()) < 18
    assert len(seen) > 4000


def test_a_customer_who_churned_never_appears_again(months: list[list[Row]]) -> None:
    gone: set[str] = set()
    for rows in months:
        assert not gone & {row["customer_id"] for row in rows}
        gone |= {row["customer_id"] for row in rows if row["churned"] == "yes"}
    assert len(gone) > 1000

"""Real tables: the same verbs, no code edited; skipped where the tables are not there."""

import re
from collections.abc import Callable
from pathlib import Path

from ..project import Project

Real = Callable[..., Project]


def test_the_tour_walks_on_a_churn_table_found_in_the_wild(real: Real) -> None:
    project = real("telco_churn.csv", target="Churn", project_name="Telco")
    project.edit("sensitive = []", 'sensitive = ["gender", "Senior_Citizen"]')
    project.edit("budget_seconds = 25", "budget_seconds = 8")
    done = project.verb("tour")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "set aside: customerID" in done.stdout
    assert len(re.findall(r": QUIET, no column moved", done.stdout)) >= 5
    assert "'Yes' is the class that counts" in project.verb("check-data").stdout
    assert "From version 2 to 1" in done.stdout
    low = float(re.findall(r"AUC [\d.]+ \(([\d.]+) to", done.stdout)[0])
    assert low > 0.75


def test_columns_that_add_up_to_the_target_are_asked_about_by_name(real: Real) -> None:
    project = real(
        "bike_sharing.csv", target="cnt", time_column="dteday", project_name="Bikes there"
    )
    asked = project.verb("check-data")
    assert asked.returncode == 1
    assert "casual + registered is exactly the target" in asked.stderr
    assert "`ignore` in project.toml" in asked.stderr
    assert not (project.root / "contract.yaml").exists()
    project.edit("ignore = []", 'ignore = ["casual", "registered"]')
    done = project.verb("check-data")
    assert done.returncode == 0, done.stderr
    assert re.search(r"instant +id +id .*a row number", done.stdout)
    assert re.search(r"season +feature +category", done.stdout)
    assert "regression: 13,915 rows to train on, 3,464 to test on" in done.stdout


def test_a_column_known_only_after_the_event_is_asked_about(real: Real) -> None:
    project = real("bank_marketing.csv", target="y", project_name="Bank calls")
    done = project.verb("check-data")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Look at duration: alone it predicts .* `ignore`", done.stdout)
    assert re.search(r"^  age +feature", done.stdout, re.MULTILINE)


def test_the_table_is_linked_and_its_fingerprint_kept(real: Real) -> None:
    project = real("telco_churn.csv", target="Churn", project_name="Telco again")
    assert project.verb("check-data").returncode == 0
    table = project.root / "data" / "telco_churn.csv"
    assert table.is_symlink()
    contract = (project.root / "contract.yaml").read_text(encoding="utf-8")
    assert "source: data/telco_churn.csv" in contract
    assert re.search(r"sha256: [0-9a-f]{64}", contract)
    tracked = Path(project.root, ".gitignore").read_text(encoding="utf-8")
    assert "/data/*" in tracked

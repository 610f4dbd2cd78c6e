"""The default project, run as its owner runs it: everything is asserted on what happened."""

import json
import os
import re
import signal
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ..project import Project, get, post, wait_until

Toured = tuple[Project, str]


def test_setup_installs_exactly_what_the_lock_says(default: Project) -> None:
    listed = subprocess.run(
        [default.python.with_name("uv"), "pip", "freeze", "--python", default.python],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    there = set(re.findall(r"^([\w.-]+==[\w.]+)", listed, re.MULTILINE))
    lock = (default.root / "requirements" / "dev.lock").read_text(encoding="utf-8")
    locked = re.findall(r"^([\w.-]+==[\w.]+)", lock, re.MULTILINE)
    seeds = {pin for pin in there if pin.startswith(("pip==", "setuptools=="))}
    assert there - seeds <= set(locked)
    assert {pin.split("==")[0] for pin in locked} - {pin.split("==")[0] for pin in there} <= {
        "colorama", "greenlet", "pywin32", "tzdata", "waitress",
    }  # fmt: skip


def test_lint_format_and_types_are_clean(default: Project) -> None:
    done = default.make("check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_type_turns_the_type_check_red(default: Project) -> None:
    path = default.root / "src" / default.package / "gate.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + '\nWRONG: int = "text"\n', encoding="utf-8")
    try:
        assert default.make("check").returncode != 0
    finally:
        path.write_text(text, encoding="utf-8")


def test_the_projects_own_tests_pass(default: Project) -> None:
    done = default.make("test")
    # What failed, not the warnings at the end.
    said = [line for line in done.stdout.splitlines() if re.match("(E  |FAILED|ERROR)", line)]
    assert done.returncode == 0, "\n".join(said[:100]) or done.stdout[-5000:]
    assert re.search(r"\d+ passed", done.stdout)


def test_formatting_a_new_project_changes_nothing(toured: Toured) -> None:
    project = toured[0]
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    for step in (["init", "-q"], ["add", "--all"], ["commit", "-q", "-m", "as rendered"]):
        subprocess.run([*git, *step], cwd=project.root, check=True)
    assert project.make("fix").returncode == 0
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=project.root, capture_output=True, text=True
    )
    assert status.stdout == ""


def test_the_tour_finds_each_documented_incident(toured: Toured) -> None:
    verdicts = re.findall(r"(2025-0\d)-01: ([A-Z]+)", toured[1])
    assert verdicts == [
        ("2025-01", "FAULT"), ("2025-02", "FAULT"), ("2025-03", "WATCH"),
        ("2025-04", "RETRAIN"), ("2025-05", "RETRAIN"), ("2025-06", "RETRAIN"),
    ]  # fmt: skip


def test_both_trainings_are_mlflow_runs_with_metrics_and_signed_releases(toured: Toured) -> None:
    project = toured[0]
    found = project.ask(
        "client = registry.client()\n"
        "versions = client.search_model_versions(f\"name = '{project.name}'\")\n"
        "runs = [client.get_run(v.run_id) for v in versions]\n"
        "answer = [[r.data.metrics['roc_auc'], r.data.metrics['baseline'],"
        " sorted(f.path for f in client.list_artifacts(r.info.run_id, 'release'))] for r in runs]"
    )
    assert len(found) == 2
    for score, baseline, files in found:
        assert score > baseline + 0.1
        assert "release/manifest.sig" in files


def test_the_tour_leaves_the_projects_own_state_empty(toured: Toured) -> None:
    root = toured[0].root
    assert (root / "contract.yaml").is_file()
    written = ("ledger.db", "mlflow.db", "mlruns", "releases", "reports", "keys", ".search")
    assert [name for name in written if (root / name).exists()] == []
    done = replace(toured[0], inside=".").verb("drift")
    assert (done.returncode, done.stderr) == (
        2, "there is no champion yet: run `train`, then `promote`\n",
    )  # fmt: skip


def test_the_scheduled_workflow_passes_on_what_the_drift_check_says(
    toured: Toured, tmp_path: Path
) -> None:
    root, summary = toured[0].root, tmp_path / "summary.md"
    flow = yaml.safe_load((root / ".github/workflows/drift.yml").read_text(encoding="utf-8"))
    (step,) = (one for one in flow["jobs"]["drift"]["steps"] if one.get("name") == "drift")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=root, env=toured[0].env | {"GITHUB_STEP_SUMMARY": str(summary)}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == summary.read_text(encoding="utf-8")
    assert "there is no champion yet" in done.stdout


def test_the_tours_contract_knows_no_plan_that_came_later(toured: Toured) -> None:
    plans = "answer = [c.categories for c in load_contract(project.contract_path).columns"
    code = f"from ml_lifecycle.data import load_contract\n{plans} if c.name == 'plan'][0]"
    assert "family" in replace(toured[0], inside=".").ask(code)
    assert "family" not in toured[0].ask(code)


def test_the_ledger_says_who_decided(toured: Toured) -> None:
    names = toured[0].ask(
        "from ml_lifecycle.ledger import Ledger\n"
        "answer = [d.who for d in Ledger(project.ledger_url).decisions()]"
    )
    assert len(set(names)) == 1
    assert f"each with who made it ({names[0]})" in toured[1]


def test_what_the_tour_left_is_served_as_it_says(
    toured: Toured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "make serve IN=.tour " in toured[1]
    monkeypatch.setenv("LEDGER_URL", "postgresql://nobody@127.0.0.1:9/none")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    command = ["make", "--no-print-directory", "serve", "IN=.tour"]
    with subprocess.Popen(
        command, cwd=toured[0].root, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as service:
        try:
            line = service.stdout.readline() if service.stdout else ""
        finally:
            os.killpg(service.pid, signal.SIGTERM)
    assert line == "Version 1 serves on http://127.0.0.1:8000\n"


def test_the_rollback_restored_the_former_champion(toured: Toured) -> None:
    found = toured[0].ask(
        "from ml_lifecycle.ledger import Ledger\nfrom ml_lifecycle.release import champion\n"
        "decisions = Ledger(project.ledger_url).decisions()\n"
        "answer = [champion.champion_release(registry)[0].number,"
        " [(d.kind, d.verdict, d.version) for d in decisions[::-1]]]"
    )
    champion, decisions = found
    kept = [tuple(d) for d in decisions if d[0] != "drift"]
    assert kept == [
        ("promotion", "promote", 1),
        ("promotion", "promote", 2),
        ("retrain", "done", 2),
        ("rollback", "rollback", 1),
    ]
    assert champion == 1
    assert "From version 2 to 1: the service answers" in toured[1]


def test_traffic_and_outcomes_of_six_months_are_in_the_ledger(toured: Toured) -> None:
    rows, labelled = toured[0].ask(
        "from ml_lifecycle.ledger import Ledger\nserved = Ledger(project.ledger_url).served()\n"
        "answer = [len(served), int(served['outcome'].notna().sum())]"
    )
    assert rows == labelled == 4529


def test_each_month_has_a_drift_report_that_fetches_nothing(toured: Toured) -> None:
    pages = sorted((toured[0].here / "reports").glob("drift-*.html"))
    assert len(pages) == 6
    for page in [*pages, toured[0].here / "reports" / "version-2.html"]:
        text = page.read_text(encoding="utf-8")
        assert "<svg" in text
        assert not re.search(r"<script|<link|<img|(src|href)=\"http", text)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are read from /proc")
def test_the_tour_leaves_no_process_behind(toured: Toured) -> None:
    root = str(toured[0].root)
    left = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd").startswith(root):
                left.append((entry / "cmdline").read_bytes())
        except OSError:
            continue
    assert left == []


def test_an_answer_over_http_equals_the_pipelines_and_is_in_the_ledger(toured: Toured) -> None:
    project = toured[0]
    with project.serving() as address:
        row = json.loads(get(address, "/model"))["typical_row"]
        status, answer = post(address, "/predict", {"rows": [row]})
    assert status == 200
    served = answer["predictions"][0]["probabilities"]["yes"]
    direct, logged = project.ask(
        "from ml_lifecycle.data.rows import to_frame\n"
        "from ml_lifecycle.evaluation.scores import predict_scores\n"
        "from ml_lifecycle.ledger import Ledger\nfrom ml_lifecycle.release import champion\n"
        "release = champion.champion_release(registry)[1]\n"
        "frame = to_frame(release.contract, [release.manifest.typical_row])\n"
        "last = Ledger(project.ledger_url).served(1)\n"
        "answer = [float(predict_scores(release.model, frame, release.classes)[0]),"
        " last['request_id'][0]]"
    )
    assert served == pytest.approx(direct, rel=1e-12)
    assert logged == answer["request_id"]


def test_a_running_service_follows_a_promotion_and_a_rollback(toured: Toured) -> None:
    project = toured[0]

    def version() -> int:
        return int(json.loads(get(address, "/health/ready"))["version"])

    with project.serving() as address:
        assert version() == 1
        done = project.verb("promote", "--version", "2")
        assert done.returncode == 0, done.stderr
        assert wait_until(lambda: version() == 2)
        assert project.verb("rollback").returncode == 0
        assert wait_until(lambda: version() == 1)


def test_a_tampered_release_is_refused_and_the_champion_stays(toured: Toured) -> None:
    project = toured[0]
    copy = next((project.here / "releases").glob("2-*"))
    run = f"{copy.name.removeprefix('2-')}*/artifacts/release/model.skops"
    stored = next((project.here / "mlruns").glob(run))
    content = stored.read_bytes()
    for model in (copy / "model.skops", stored):
        model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        done = project.verb("promote", "--version", "2", "--override", "I insist")
        assert done.returncode == 1
        assert "model.skops is not the file that was signed" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        stored.write_bytes(content)


@pytest.fixture(scope="module")
def slim(toured: Toured, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with what the service's image gets, and no more."""
    project, folder = toured[0], tmp_path_factory.mktemp("slim")
    uv, python = project.python.with_name("uv"), folder / "venv" / "bin" / "python"
    lock = project.root / "requirements" / "service.lock"
    subprocess.run([uv, "venv", "--quiet", folder / "venv"], check=True)
    subprocess.run(
        [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", lock], check=True
    )
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", python, "--no-deps", project.root], check=True
    )
    return python


def test_the_service_runs_with_nothing_but_its_own_lock(toured: Toured, slim: Path) -> None:
    with toured[0].serving(slim) as address:
        row = json.loads(get(address, "/model"))["typical_row"]
        assert post(address, "/predict", {"rows": [row]})[0] == 200


def test_what_the_service_installs_takes_at_most_400_mb(slim: Path) -> None:
    files = [path for path in slim.parents[1].rglob("*") if path.is_file()]
    own = [path for path in files if path.suffix != ".pyc" and not path.is_symlink()]
    assert sum(path.stat().st_size for path in own) <= 400e6


def test_the_service_has_no_server_of_mlflow_nor_plots_nor_a_search(
    toured: Toured, slim: Path
) -> None:
    unwanted = ["flask", "gunicorn", "matplotlib", "pyarrow", "optuna", "hyperopt", "pytest"]
    program = (
        f"import sys, {toured[0].package}.service, importlib.util as there\n"
        f"print([name for name in {unwanted} if there.find_spec(name)], 'mlflow' in sys.modules)"
    )
    done = subprocess.run([slim, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[] False", done.stderr


def test_the_card_is_about_the_champion(toured: Toured) -> None:
    done = toured[0].verb("card")
    assert done.returncode == 0, done.stderr
    text = (toured[0].here / "docs" / "model-card.md").read_text(encoding="utf-8")
    assert text.startswith("# customer-churn, version 1")
    assert "gender" in text


def test_a_file_is_scored_whole(toured: Toured, tmp_path: Path) -> None:
    project, output = toured[0], tmp_path / "scored.csv"
    done = project.verb("predict", "../data/example.csv", str(output))
    assert done.returncode == 0, done.stderr
    lines = output.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 12_061
    assert lines[0].endswith("prediction,probability of no,probability of yes")


def test_what_the_pages_ask_the_ledger_it_understands(toured: Toured, template: Path) -> None:
    pages = [*(toured[0].root / "docs").glob("*.md"), *(template / "docs").glob("*.md")]
    texts = [page.read_text(encoding="utf-8") for page in pages]
    asked = [query for text in texts for query in re.findall(r'"(select [^"]+)"', text)]
    assert len(asked) >= 3
    with closing(sqlite3.connect(toured[0].here / "ledger.db")) as ledger:
        for query in asked:
            assert ledger.execute(query).fetchall(), query


def test_the_notebooks_cells_run(toured: Toured) -> None:
    project = toured[0]
    notebook = json.loads((project.root / "notebooks" / "explore.ipynb").read_text("utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    done = subprocess.run(
        [project.python, "-c", "\n".join(cells)],
        cwd=project.root / "notebooks", capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

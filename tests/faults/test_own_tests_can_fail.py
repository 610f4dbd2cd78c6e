"""The generated project's tests, seen red: each fault planted in its code turns its section red."""

import subprocess

import pytest

from ..digest import adopt
from ..project import Project

FAULTS = {
    "a missing value slips through": (
        "ml_lifecycle/data/rows.py",
        "elif not column.nullable:",
        "elif False:",
        "data/test_contract.py",
    ),
    "a sensitive column becomes a feature": (
        "ml_lifecycle/data/contract.py",
        'for column in self.with_role("feature")]',
        'for column in self.with_role("feature", "sensitive")]',
        "data/test_contract.py",
    ),
    "an error repeats what was sent": (
        "ml_lifecycle/service/bodies.py",
        '{"loc": ".".join(',
        '{"was": body.decode(), "loc": ".".join(',
        "data/test_contract.py",
    ),
    "a new category breaks the model": (
        "RECIPE/features.py",
        'handle_unknown="infrequent_if_exist"',
        'handle_unknown="error"',
        "data/test_features.py",
    ),
    "the most complex rung always wins": (
        "ml_lifecycle/model/select.py",
        "if gain > step * error:",
        "if gain > -9:",
        "model/test_ladder.py",
    ),
    "a handful of rows counts as a slice": (
        "ml_lifecycle/evaluation/scored.py",
        "FEW = 50",
        "FEW = 1",
        "model/test_quality.py",
    ),
    "training is not repeatable": (
        "ml_lifecycle/model/select.py",
        "return build_estimator(kept, ladder, task, target).fit(rows, target)",
        "few = rows.sample(frac=0.7).index\n        "
        "return build_estimator(kept, ladder, task, target).fit(rows.loc[few], target[few])",
        "infrastructure/test_pipeline.py",
    ),
    "a test row is smuggled into training": (
        "RECIPE/training.py",
        "rows = frame.iloc[fitted].reset_index(drop=True)",
        "rows = frame.iloc[[*fitted, judged[0]]].reset_index(drop=True)",
        "infrastructure/test_pipeline.py",
    ),
    "a group stands on both sides": (
        "ml_lifecycle/data/split.py",
        "keys = frame[[data.group]] if data.group else frame",
        "keys = frame",
        "infrastructure/test_pipeline.py",
    ),
    "the gate promotes everything": (
        "ml_lifecycle/release/questions/comparisons.py",
        "if found.low > margin:",
        "if True:",
        "infrastructure/test_gate.py",
    ),
    "a rollback only says so": (
        "ml_lifecycle/release/promotion.py",
        'Verdict("rollback", reason, who=who)',
        'Verdict("hold", reason, who=who)',
        "unit/test_mechanisms.py",
    ),
    "small losses may add up": (
        "ml_lifecycle/release/questions/comparisons.py",
        "if found.low > limit:",
        "if True:",
        "infrastructure/test_gate.py",
    ),
    "a canary that fails stays": (
        "ml_lifecycle/service/guardrails.py",
        "if failed and",
        "if False and",
        "unit/test_mechanisms.py",
    ),
    "the service answers another number": (
        "ml_lifecycle/service/answer.py",
        "shares = score if isinstance(score, list) else [1 - score, score]",
        "shares = score if isinstance(score, list) else [1 - score, score * 0.999]",
        "monitoring/test_monitoring.py",
    ),
    "a harmful change stays quiet": (
        "ml_lifecycle/monitoring/looks.py",
        "found[kind] = sure or now",
        "found[kind] = False and now",
        "monitoring/test_monitoring.py",
    ),
    "a broken unit is called drift": (
        "ml_lifecycle/monitoring/changes.py",
        "found = abs(abs(grown.mean())",
        "found = False and abs(abs(grown.mean())",
        "monitoring/test_monitoring.py",
    ),
}


# Each takes half a minute: every other one is planted on each commit, the rest by `make nightly`.
NIGHTLY = [*FAULTS][::2]


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.nightly] if n in NIGHTLY else []) for n in FAULTS],
)
def test_a_planted_fault_turns_its_section_red(default: Project, name: str) -> None:
    file, right, wrong, red = FAULTS[name]
    path = default.root / "src" / file.replace("RECIPE", default.package)
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    adopt(default.root / "src" / default.package)
    try:
        done = subprocess.run(
            [default.python, "-m", "pytest", "-q", "-x", "-m", "ml_test", f"tests/{red}"],
            cwd=default.root, env=default.env, capture_output=True, text=True,
        )  # fmt: skip
    finally:
        path.write_text(text, encoding="utf-8")
        adopt(default.root / "src" / default.package)
    assert done.returncode == 1, done.stdout[-3000:]

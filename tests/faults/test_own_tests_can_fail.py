"""The generated project's tests, seen red: each fault planted in its code turns its section red."""

import subprocess

import pytest

from ..project import Project

FAULTS = {
    "a missing value slips through": (
        "data/rows.py",
        "elif not column.nullable:",
        "elif False:",
        "data/test_contract.py",
    ),
    "a sensitive column becomes a feature": (
        "data/contract.py",
        'for column in self.with_role("feature")]',
        'for column in self.with_role("feature", "sensitive")]',
        "data/test_contract.py",
    ),
    "an error repeats what was sent": (
        "service/app.py",
        '{"loc": ".".join(',
        '{"was": body.decode(), "loc": ".".join(',
        "data/test_contract.py",
    ),
    "a new category breaks the model": (
        "model/features.py",
        'handle_unknown="infrequent_if_exist"',
        'handle_unknown="error"',
        "data/test_features.py",
    ),
    "the most complex rung always wins": (
        "model/select.py",
        "if gain > (SIGNAL if kept is first else STEP) * error:",
        "if gain > -9:",
        "model/test_ladder.py",
    ),
    "a handful of rows counts as a slice": (
        "evaluation/slices.py",
        "FEW = 50",
        "FEW = 1",
        "model/test_quality.py",
    ),
    "training is not repeatable": (
        "model/train.py",
        "return build_estimator(selected, task, target).fit(rows, target)",
        "few = rows.sample(frac=0.7).index\n"
        "        return build_estimator(selected, task, target).fit(rows.loc[few], target[few])",
        "infrastructure/test_pipeline.py",
    ),
    "a test row is smuggled into training": (
        "model/train.py",
        "rows = frame.iloc[parts.train]",
        "rows = frame.iloc[np.append(parts.train, parts.test[:1])]",
        "infrastructure/test_pipeline.py",
    ),
    "a group stands on both sides": (
        "data/split.py",
        "keys = frame[[data.group]] if data.group else frame",
        "keys = frame",
        "infrastructure/test_pipeline.py",
    ),
    "the gate promotes everything": (
        "release/gate.py",
        "if found.low > margin:",
        "if True:",
        "infrastructure/test_gate.py",
    ),
    "a rollback only says so": (
        "release/promotion.py",
        'Verdict("rollback", reason)',
        'Verdict("hold", reason)',
        "infrastructure/test_promotion.py",
    ),
    "small losses may add up": (
        "release/gate.py",
        "if found.low > limit:",
        "if True:",
        "infrastructure/test_gate.py",
    ),
    "a canary that fails stays": (
        "release/rollout.py",
        "if failed and",
        "if False and",
        "infrastructure/test_rollout.py",
    ),
    "the service answers another number": (
        "service/answer.py",
        "in probability_matrix(y_pred).tolist()",
        "in (probability_matrix(y_pred) * 0.999).tolist()",
        "monitoring/test_monitoring.py",
    ),
    "a harmful change stays quiet": (
        "monitoring/performance.py",
        "worse = p_value < level and",
        "worse = p_value < 0 and",
        "monitoring/test_monitoring.py",
    ),
    "a broken unit is called drift": (
        "monitoring/drift.py",
        "if not near or np.ptp(grown) > ALIKE:",
        "if True:",
        "monitoring/test_monitoring.py",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_turns_its_section_red(default: Project, name: str) -> None:
    file, right, wrong, red = FAULTS[name]
    path = default.root / "src" / default.package / file
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    try:
        done = subprocess.run(
            [default.python, "-m", "pytest", "-q", "-x", "-m", "ml_test", f"tests/{red}"],
            cwd=default.root, capture_output=True, text=True,
        )  # fmt: skip
    finally:
        path.write_text(text, encoding="utf-8")
    assert done.returncode == 1, done.stdout[-3000:]

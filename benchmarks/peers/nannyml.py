"""NannyML on windows of the streams: folder and job in, an alarm for each window out.

Its thresholds are three standard deviations over chunks of the reference. `any`: some column by the
default distance; `Bonferroni`: that of so many standard deviations as all columns together need;
`reconstruction`: PCA on all columns; `estimated`, `realised`: the AUC without and with labels.
"""

import json
import sys
import warnings
from pathlib import Path

import pandas as pd

sys.path.remove(str(Path(__file__).parent))  # this file is called like the library
sys.path.append(str(Path(__file__).parents[1]))

import nannyml as nml
from scipy.stats import norm
from streams import SHIFTS, TARGET, shown_windows

folder, job = Path(sys.argv[1]), json.loads(sys.argv[2])
warnings.simplefilter("ignore")


def alarms(calculator: object, before: pd.DataFrame, after: pd.DataFrame) -> list[bool]:
    """Return for each chunk whether anything that is calculated raises an alert."""
    fitted = calculator.fit(before)
    found = fitted.estimate(after) if isinstance(fitted, nml.CBPE) else fitted.calculate(after)
    result = found.filter(period="analysis").to_df()
    alerts = result.loc[:, [column for column in result if column[-1] == "alert"]]
    return alerts.fillna(False).astype(bool).any(axis=1).tolist()


def calculators(features: list[str], rows: int, labels: bool) -> dict[str, object]:
    """Return what is asked, by the name of its column in the table."""
    names = [name for name in features if name.startswith("c")]
    far = norm.isf(0.025 / len(features))
    wide = nml.thresholds.StandardDeviationThreshold(far, far)
    usual = {"column_names": features, "chunk_size": rows}
    model = {
        "problem_type": "classification_binary", "y_pred_proba": "y_pred", "y_pred": "said",
        "y_true": TARGET, "metrics": ["roc_auc"], "chunk_size": rows,
    }  # fmt: skip
    found = {
        "any": nml.UnivariateDriftCalculator(**usual, treat_as_categorical=names),
        "Bonferroni": nml.UnivariateDriftCalculator(
            **usual, treat_as_categorical=names, thresholds={"jensen_shannon": wide}
        ),
        "reconstruction": nml.DataReconstructionDriftCalculator(**usual),
        "estimated": nml.CBPE(**model),
    }
    return found | ({"realised": nml.PerformanceCalculator(**model)} if labels else {})


def with_answers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows with what NannyML wants of a model: a class, and outcomes as 0 and 1."""
    outcome = (frame[TARGET] == "yes").astype(int)
    return frame.assign(said=(frame["y_pred"] >= 0.5).astype(int), **{TARGET: outcome})


found: list[dict[str, object]] = []
for stream, shift, rows, windows in shown_windows(folder, job):
    reference = pd.read_parquet(folder / f"stream-{stream}" / "reference.parquet")
    features = [name for name in reference if name not in (TARGET, "y_pred")]
    before = with_answers(reference)
    after = with_answers(pd.concat(windows, ignore_index=True))
    asked = calculators(features, rows, SHIFTS[shift].labels)
    said = {name: alarms(one, before, after) for name, one in asked.items()}
    for alarm in zip(*said.values(), strict=True):
        found.append({"shift": shift} | dict(zip(said, alarm, strict=True)))
print(json.dumps(found))

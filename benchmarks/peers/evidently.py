"""Evidently on windows of the streams: folder and job in, an alarm for each window out.

Its default compares distances with .1 (a reference of more than 1,000 rows) and calls half of the
columns a drift; `any` is one column of these; `Bonferroni` its KS and chi-square at .05/30.
"""

import json
import sys
import warnings
from pathlib import Path

import pandas as pd

sys.path.remove(str(Path(__file__).parent))  # this file is called like the library
sys.path.append(str(Path(__file__).parents[1]))

from evidently import DataDefinition, Dataset, Report
from evidently.metrics import DriftedColumnsCount
from streams import TARGET, shown_windows

folder, job = Path(sys.argv[1]), json.loads(sys.argv[2])
warnings.simplefilter("ignore")


def drifted(before: Dataset, after: Dataset, **tests: object) -> int:
    """Return how many columns drifted: what its preset says, without the pictures."""
    (metric,) = Report([DriftedColumnsCount(**tests)]).run(after, before).dict()["metrics"]
    return int(metric["value"]["count"])


found: list[dict[str, object]] = []
for stream, shift, _, windows in shown_windows(folder, job):
    reference = pd.read_parquet(folder / f"stream-{stream}" / "reference.parquet")
    features = [name for name in reference if name not in (TARGET, "y_pred")]
    names = [name for name in features if name.startswith("c")]
    numbers = [name for name in features if name not in names]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=names)
    least = 0.05 / len(features)
    strict = {"num_method": "ks", "cat_method": "chisquare"}
    strict |= {"num_threshold": least, "cat_threshold": least}
    before = Dataset.from_pandas(reference[features], data_definition=definition)
    for frame in windows:
        after = Dataset.from_pandas(frame[features], data_definition=definition)
        usual, corrected = drifted(before, after), drifted(before, after, **strict)
        found.append(
            {
                "shift": shift,
                "default": usual >= len(features) / 2,
                "any": usual > 0,
                "Bonferroni": corrected > 0,
            }
        )
print(json.dumps(found))

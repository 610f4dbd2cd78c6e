"""Evidently on windows of the streams: folder and job in, an alarm for each window out.

Of a job with `speed` it tells how long the default takes for so many rows of stream 0.

Its default compares distances with .1 (a reference of more than 1,000 rows) and calls half of the
columns a drift; `any` is one column of these; `Bonferroni` its KS and chi-square at .05/30.
"""

import json
import resource
import sys
import time
import warnings
from pathlib import Path

import pandas as pd

sys.path.remove(str(Path(__file__).parent))  # this file is called like the library
sys.path.append(str(Path(__file__).parents[1]))

from evidently import DataDefinition, Dataset, Report
from evidently.metrics import DriftedColumnsCount
from streams import TARGET, shown_windows, window

folder, job = Path(sys.argv[1]), json.loads(sys.argv[2])
warnings.simplefilter("ignore")


def drifted(before: Dataset, after: Dataset, **tests: object) -> int:
    """Return how many columns drifted: what its preset says, without the pictures."""
    (metric,) = Report([DriftedColumnsCount(**tests)]).run(after, before).dict()["metrics"]
    return int(metric["value"]["count"])


def dataset(frame: pd.DataFrame) -> Dataset:
    """Return the features of a frame as Evidently takes them."""
    features = [name for name in frame if name not in (TARGET, "y_pred")]
    names = [name for name in features if name.startswith("c")]
    numbers = [name for name in features if name not in names]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=names)
    return Dataset.from_pandas(frame[features], data_definition=definition)


def reference(stream: int) -> pd.DataFrame:
    """Return the test rows of a stream."""
    return pd.read_parquet(folder / f"stream-{stream}" / "reference.parquet")


def speed(rows: int) -> None:
    """Print how long the default takes, and the largest resident set."""
    before, frame = dataset(reference(0)), window("none", rows, 0, 0)[0]
    started = time.perf_counter()
    drifted(before, dataset(frame))
    took = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"Evidently: {rows:,} rows in {took:.1f} s, {rows / took:,.0f} rows/s, {peak:,.0f} MB")


def windows() -> None:
    """Print an alarm for each window that is shown."""
    found: list[dict[str, object]] = []
    for stream, shift, _, frames in shown_windows(folder, job):
        before, columns = dataset(reference(stream)), len(frames[0].columns) - 2
        least = 0.05 / columns
        strict = {"num_method": "ks", "cat_method": "chisquare"}
        strict |= {"num_threshold": least, "cat_threshold": least}
        for frame in frames:
            after = dataset(frame)
            usual, corrected = drifted(before, after), drifted(before, after, **strict)
            found.append(
                {
                    "shift": shift,
                    "default": usual >= columns / 2,
                    "any": usual > 0,
                    "Bonferroni": corrected > 0,
                }
            )
    print(json.dumps(found))


speed(job["speed"]) if "speed" in job else windows()

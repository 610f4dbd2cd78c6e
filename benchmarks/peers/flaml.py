"""FLAML on the rows of a project: folder, facts and seconds in, a test score out."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.remove(str(Path(__file__).parent))  # this file is called like the library

from flaml import AutoML
from sklearn.metrics import log_loss, r2_score, roc_auc_score

root, facts, seconds = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
train, test = (pd.read_parquet(root / f"{name}.parquet") for name in ("train", "test"))
target, classes = facts["target"], facts["classes"]
metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "r2"}[facts["task"]]
task = "regression" if facts["task"] == "regression" else "classification"
automl = AutoML()
automl.fit(
    train.drop(columns=target), train[target], task=task, metric=metric, time_budget=seconds,
    n_jobs=2, seed=1, verbose=0,
)  # fmt: skip
rows, truth = test.drop(columns=target), test[target]
if task == "regression":
    score = r2_score(truth, automl.predict(rows))
else:
    guess = automl.predict_proba(rows)
    order = [list(automl.classes_).index(name) for name in classes]
    guess = guess[:, order] / guess.sum(axis=1, keepdims=True)
    number = truth.map({name: place for place, name in enumerate(classes)})
    if facts["task"] == "binary":
        score = roc_auc_score(number, guess[:, 1])
    else:
        score = -log_loss(number, np.clip(guess, 1e-15, 1), labels=range(len(classes)))
print(json.dumps({"score": float(score)}))

"""AutoGluon on the rows of a project: folder, facts and seconds in, a test score out."""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.remove(str(Path(__file__).parent))  # this file is called like the library

from autogluon.tabular import TabularPredictor
from sklearn.metrics import log_loss, r2_score, roc_auc_score

root, facts, seconds = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
train, test = (pd.read_parquet(root / f"{name}.parquet") for name in ("train", "test"))
target, classes = facts["target"], facts["classes"]
metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "r2"}[facts["task"]]
with tempfile.TemporaryDirectory() as folder:
    predictor = TabularPredictor(
        label=target, problem_type=facts["task"], eval_metric=metric, path=folder, verbosity=0
    )
    predictor.fit(train, time_limit=seconds, num_cpus=2, num_gpus=0)
    if facts["task"] == "regression":
        score = r2_score(test[target], predictor.predict(test))
    else:
        guess = predictor.predict_proba(test)[classes].to_numpy()
        number = test[target].map({name: place for place, name in enumerate(classes)})
        if facts["task"] == "binary":
            score = roc_auc_score(number, guess[:, 1])
        else:
            score = -log_loss(number, np.clip(guess, 1e-15, 1), labels=range(len(classes)))
print(json.dumps({"score": float(score)}))

"""What the gate judges on: rows with a known target of which both models say something honest.

In: the challenger's test rows, and the outcomes that came back from production. Out: a `Case`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..data.split import row_hashes
from ..evaluation.labelled import SERVED, WHOLE, labelled
from ..evaluation.scores import predict_scores
from ..ledger.database import Ledger
from .bundle import Release, holdout, judgement, judges, trained_on

TEST, PRODUCTION = "the test set", "outcomes from production"
LATEST = 50_000  # outcomes looked at
Outcomes = Callable[..., pd.DataFrame]  # as `labelled`


@dataclass(frozen=True)
class Case:
    """What is brought before the gate.

    frame: typed rows that both models are judged on; where: the rows' origin in words; key: under
    which looks at them are counted; latency: milliseconds of one row; anchor_look: how many
    versions were compared with this anchor; strict: who asks wants no refresh to be let off.
    """

    challenger: Release
    champion: Release | None
    anchor: Release | None
    frame: pd.DataFrame
    where: str
    key: str
    latency: float = 0.0
    look: int = 1
    anchor_look: int = 1
    strict: bool = False

    @property
    def changed(self) -> list[str]:
        """What differs from the champion's recipe; empty: on other rows, it is a refresh."""
        assert self.champion is not None
        ours, theirs = self.challenger.manifest, self.champion.manifest
        if not theirs.recipe:
            return ["the recipe, of which the champion's release says nothing"]
        if ours.rows_sha256 == theirs.rows_sha256 and ours.recipe == theirs.recipe:
            return ["nothing, not even the rows"]
        names = {**ours.recipe, **theirs.recipe}
        return [name for name in names if ours.recipe.get(name) != theirs.recipe.get(name)]

    @property
    def refresh(self) -> bool:
        """Whether newer rows are the only reason to ask."""
        return self.champion is not None and not self.strict and not self.changed


def honest_predictions(release: Release, frame: pd.DataFrame, judged: np.ndarray) -> np.ndarray:
    """Return what a release says of typed rows without having learnt from them, NaN where it did.

    (rows,) or (rows, classes). judged: (rows,) bool, of which a judge is asked: what it said when
    it was a test row, else what it says now, if it was not fitted on the row, nor on its group. Of
    all others what serves is asked. Rows are told apart by the columns that the release knew; where
    one is gone, or of another kind, only test rows can be told.
    """
    test = holdout(release)
    said, names = _said_before(release, test, frame), _told_by(release, test, frame)
    if len(names) < len(release.contract.used):
        return said
    marks, open_ = row_hashes(frame[names]), ~_known(said)
    for asked, model, seen in _asked(release, frame, judged):
        mine = open_ & asked & ~np.isin(marks, seen)
        if mine.any():
            said[mine] = predict_scores(model, frame[mine], release.classes)
        open_ &= ~mine
    return said


def _asked(
    release: Release, frame: pd.DataFrame, judged: np.ndarray
) -> Iterator[tuple[np.ndarray, Pipeline, np.ndarray]]:
    """Yield which rows may be asked of a model, the model, and what it was fitted on."""
    known, group = judgement(release), release.contract.group
    if known is None or not judged.any():
        yield np.ones(len(frame), dtype=bool), release.model, trained_on(release)
        return
    keys = row_hashes(frame[[group]]) if group else np.zeros(len(frame), dtype="uint64")
    for number, model in enumerate(judges(release)):
        mine = known.seen_by == number
        strange = ~np.isin(keys, known.groups[known.groups_by == number])
        yield judged & strange, model, known.seen[mine]
    yield ~judged, release.model, trained_on(release)


def _said_before(release: Release, test: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray:
    """Return what the judges of a release said of those of its `test` rows that are in `frame`."""
    many = (len(release.classes),) if len(release.classes) > 2 else ()
    said, known = np.full((len(frame), *many), np.nan), judgement(release)
    if known is not None:
        names = _told_by(release, test, frame)
        kept = ~known.leaked(row_hashes(test[release.contract.used]))
        place = pd.Index(row_hashes(test[names])[kept])
        at = pd.Series(np.flatnonzero(kept), place).groupby(level=0).first()
        at = at.reindex(row_hashes(frame[names]))
        found = at.notna().to_numpy()
        said[found] = known.y_pred[at[found].astype(int)]
    return said


def _told_by(release: Release, test: pd.DataFrame, frame: pd.DataFrame) -> list[str]:
    """Return the columns by which rows of `frame` are told apart as the release's test rows are."""
    return [n for n in release.contract.used if n in frame and frame[n].dtype == test[n].dtype]


def _known(said: np.ndarray) -> np.ndarray:
    return ~np.isnan(said[:, 0] if said.ndim == 2 else said)


def paired_predictions(
    challenger: Release, other: Release, frame: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Return what both say honestly of typed rows, NaN where one cannot: judge beside judge.

    A judge learnt from less, and from older rows, than what serves. So where the challenger's judge
    speaks the other's judge is its equal, and where what serves speaks, what serves.
    """
    judged = _known(_said_before(challenger, holdout(challenger), frame))
    nobody = np.zeros(len(frame), dtype=bool)
    return honest_predictions(challenger, frame, nobody), honest_predictions(other, frame, judged)


def comparable(challenger: Release, other: Release, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of which both say something honest."""
    ours, theirs = paired_predictions(challenger, other, frame)
    return frame[_known(ours) & _known(theirs)].reset_index(drop=True)


def gather(
    challenger: Release,
    champion: Release | None,
    anchor: Release | None,
    ledger: Ledger,
    enough: int,
    outcomes: Outcomes = labelled,
) -> Case:
    """Return the case: production's outcomes where both are honest of `enough`, else the test."""
    test = comparable(challenger, champion or challenger, holdout(challenger))
    case = Case(challenger, champion, anchor, test, TEST, challenger.manifest.test_sha256)
    if champion is None or missing_features(champion, test):
        return case
    lived = _lived(outcomes(ledger, challenger.contract, LATEST), challenger, champion)
    if len(lived) < enough or missing_features(champion, lived):
        return case
    # More come in all the time: every challenger of this champion looks at the same stream.
    key = f"outcomes since {champion.sha256[:16]}"
    return replace(case, frame=lived, where=PRODUCTION, key=key)


def _lived(rows: pd.DataFrame, challenger: Release, champion: Release) -> pd.DataFrame:
    """Return the served rows of which both are honest, with all that fairness needs.

    A row sent without time, group or sensitive columns has another fingerprint in the table that
    it may have come back by; it counts if it is later than both trainings.
    """
    trained = max(challenger.manifest.trained_at, champion.manifest.trained_at)
    sensitive = [c.name for c in challenger.contract.with_role("sensitive")]
    sure = rows[WHOLE] | (rows[SERVED] > trained)
    kept = rows[sure & rows[sensitive].notna().all(axis=1)].drop(columns=[SERVED, WHOLE])
    return comparable(challenger, champion, kept.reset_index(drop=True))


def missing_features(release: Release, frame: pd.DataFrame) -> list[str]:
    """Return the columns that a release needs and `frame` does not have."""
    return sorted(set(release.contract.features) - set(frame.columns))

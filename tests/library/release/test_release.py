"""Only a release that is ours, whole and right is loaded; the service keeps what it has."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from ml_lifecycle.data.split import row_hashes
from ml_lifecycle.digest import sha256
from ml_lifecycle.download import local
from ml_lifecycle.errors import CheckFailed, WorldBroken
from ml_lifecycle.evaluation.scores import losses
from ml_lifecycle.files import FILES, LATER
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.release import champion as champions
from ml_lifecycle.release import keys
from ml_lifecycle.release.bundle import holdout, judgement, read_release, trained_on
from ml_lifecycle.release.evidence import comparable
from ml_lifecycle.release.promotion import move, rollback
from ml_lifecycle.release.questions import Verdict
from ml_lifecycle.release.trust import TrustPolicy
from ml_lifecycle.service.slot import Slot, open_slot
from project import training
from project.candidates import TRUST
from project.lifecycle import ask_gate as promote
from project.settings import Settings
from sklearn.preprocessing import FunctionTransformer
from world import Champion, train

Damage = Callable[[Path, Path], None]


def resign(release: Path, root: Path, **lineage: Any) -> None:
    """Sign the release as it is now: what is wrong with it must be found by what it does."""
    manifest = json.loads((release / "manifest.json").read_bytes()) | lineage
    there = (name for name in (*FILES, *LATER) if (release / name).exists())
    manifest["files"] = {name: sha256((release / name).read_bytes()) for name in there}
    (release / "manifest.json").write_bytes(json.dumps(manifest).encode())
    signature = keys.sign((release / "manifest.json").read_bytes(), root)
    (release / "manifest.sig").write_bytes(signature)


def changed_model(release: Path, root: Path) -> None:
    content = bytearray((release / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (release / "model.skops").write_bytes(content)


def absent_file(release: Path, root: Path) -> None:
    (release / "reference.json").unlink()


def foreign_signature(release: Path, root: Path) -> None:
    other = root / "other"
    other.mkdir()
    (release / "manifest.sig").write_bytes(
        keys.sign((release / "manifest.json").read_bytes(), other)
    )


def foreign_type(release: Path, root: Path) -> None:
    skops.io.dump(FunctionTransformer(os.system), release / "model.skops")
    resign(release, root)


def other_answers(release: Path, root: Path) -> None:
    golden = json.loads((release / "golden.json").read_bytes())
    golden["y_pred"][3] += 1e-6
    (release / "golden.json").write_text(json.dumps(golden))
    resign(release, root)


def no_model(release: Path, root: Path) -> None:
    (release / "model.skops").write_bytes(b"this is no model")
    resign(release, root)


def other_project(release: Path, root: Path) -> None:
    manifest = json.loads((release / "manifest.json").read_bytes())
    (release / "manifest.json").write_text(json.dumps(manifest | {"project": "another"}))
    resign(release, root)


DAMAGES = [
    (changed_model, "not the file that was signed"),
    (absent_file, "not whole"),
    (foreign_signature, "not ours"),
    (foreign_type, "not allowed"),
    (other_answers, "golden row 4"),
    (no_model, "model.skops"),
    (other_project, "another"),
]


@pytest.mark.parametrize(("damage", "said"), DAMAGES)
def test_a_release_that_is_not_right_is_not_loaded(
    champion: Champion, tmp_path: Path, damage: Damage, said: str
) -> None:
    settings = champion.copy(tmp_path)
    (folder,) = (path for path in (tmp_path / "releases").iterdir() if path.is_dir())
    read_release(folder, settings.project, TRUST)
    damage(folder, settings.project.root)
    with pytest.raises(CheckFailed, match=said):
        read_release(folder, settings.project, TRUST)


def test_a_type_that_nobody_would_load_is_named_by_the_training_with_the_line_to_add(
    champion: Champion, tmp_path: Path, quiet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "TRUST", TrustPolicy())
    with pytest.raises(CheckFailed, match=r'add to TRUSTED .*:\n    "[\w.]+",'):
        train(*champion.rows, champion.copy(tmp_path), quiet)


def test_what_is_said_of_a_model_was_said_of_rows_that_its_judges_had_not_seen(
    champion: Champion,
) -> None:
    rows, known = holdout(champion.release), judgement(champion.release)
    assert known is not None
    task = champion.settings.task(champion.release.contract)
    score = champion.trained.evaluation.scores[task.metric_name].value
    assert task.measure(task.y_true(rows), known.y_pred) == pytest.approx(score)
    assert not known.leaked(row_hashes(rows)).any()
    loss = champion.release.reference.loss
    assert loss.mean == pytest.approx(losses(task.y_true(rows), known.y_pred).mean())


def test_what_serves_has_learnt_from_every_row(champion: Champion) -> None:
    frame, contract = champion.rows
    assert set(trained_on(champion.release)) == set(row_hashes(frame[contract.used]))
    assert champion.release.manifest.fitted_rows == len(frame)


def test_without_refit_what_serves_has_seen_no_test_row(
    champion: Champion, tmp_path: Path, quiet: Any
) -> None:
    settings = champion.copy(tmp_path)
    asked = settings.training.model_copy(update={"refit": False})
    made = train(*champion.rows, settings.model_copy(update={"training": asked}), quiet)
    release = settings.registry.fetch(settings.registry.wanted(made.number))
    assert not np.isin(row_hashes(holdout(release)), trained_on(release)).any()
    assert release.manifest.fitted_rows == release.manifest.train_rows


def test_rows_that_are_left_out_are_neither_learnt_nor_judged(
    champion: Champion, tmp_path: Path, quiet: Any
) -> None:
    settings, (frame, contract) = champion.copy(tmp_path), champion.rows
    asked = settings.data.model_copy(update={"exclude": ("plan == 'pro'", "usage > 70")})
    made = train(frame, contract, settings.model_copy(update={"data": asked}), quiet)
    release = settings.registry.fetch(settings.registry.wanted(made.number))
    broken = frame[(frame["plan"] == "pro") | (frame["usage"] > 70)]
    marks = row_hashes(broken[contract.used])
    assert made.left_out == len(broken) > 0
    assert release.manifest.rows == len(frame) - len(broken)
    for seen in (trained_on(release), row_hashes(holdout(release))):
        assert not np.isin(marks, seen).any()


def test_a_release_from_before_models_were_fitted_again_is_read(
    champion: Champion, tmp_path: Path
) -> None:
    settings = champion.copy(tmp_path)
    (folder,) = (path for path in (tmp_path / "releases").iterdir() if path.is_dir())
    for name in LATER:
        (folder / name).unlink()
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name in ("recipe", "fitted_rows"):
        del manifest[name]
    (folder / "manifest.json").write_bytes(json.dumps(manifest).encode())
    resign(folder, settings.project.root)
    old = read_release(folder, settings.project, TRUST)
    assert judgement(old) is None
    assert comparable(old, old, holdout(old)).empty  # what serves was fitted on them


def second_version(champion: Champion, settings: Settings, damage: Damage | None = None) -> int:
    """Register the champion's release once more, and let it serve without asking the gate."""
    (folder,) = (p for p in (settings.project.root / "releases").iterdir() if p.is_dir())
    release = settings.project.root / "second"
    release.mkdir()
    for path in folder.iterdir():
        (release / path.name).write_bytes(path.read_bytes())
    registry = settings.registry
    with registry.start_run("again") as run:
        resign(release, settings.project.root, run_id=run.info.run_id)
        if damage:
            damage(release, settings.project.root)
        version = registry.register(run, release, champion.release.manifest.headline)
    with Ledger(settings.project.ledger_url) as ledger:
        current, verdict = champions.serving(ledger), Verdict("promote", "nobody asked the gate")
        move(settings.registry, ledger, "promotion", version, current, verdict)
    return int(version.number)


def slot_of(settings: Settings, ledger: Ledger) -> Slot:
    """Open a slot as the service does."""
    return open_slot(settings.registry, ledger, settings.service)


def test_a_good_release_is_taken_over_while_serving(champion: Champion, tmp_path: Path) -> None:
    settings = champion.copy(tmp_path)
    with Ledger(settings.project.ledger_url) as ledger:
        slot = slot_of(settings, ledger)
        number = second_version(champion, settings)
        slot.refresh()
    assert slot.loaded.version.number == number == 2


@pytest.mark.parametrize("damage", [changed_model, foreign_type, other_answers, no_model])
def test_a_bad_release_is_refused_and_the_old_one_stays(
    champion: Champion, tmp_path: Path, damage: Damage
) -> None:
    settings = champion.copy(tmp_path)
    with Ledger(settings.project.ledger_url) as ledger:
        slot = slot_of(settings, ledger)
        second_version(champion, settings, damage)
        slot.refresh()
    assert slot.loaded.version.number == 1


def test_a_refused_release_that_was_mended_is_taken_over(
    champion: Champion, tmp_path: Path
) -> None:
    settings = champion.copy(tmp_path)
    with Ledger(settings.project.ledger_url) as ledger:
        slot = slot_of(settings, ledger)
        second_version(champion, settings)
        second = champions.serving(ledger)
        run = settings.registry.client().get_run(second.run_id)
        golden = local(run.info.artifact_uri) / "release" / "golden.json"
        right = golden.read_bytes()
        golden.write_bytes(b"{}")
        slot.refresh()
        assert slot.loaded.version.number == 1
        rollback(settings.registry, settings.approver)
        slot.refresh()
        golden.write_bytes(right)
        current = champions.serving(ledger)
        move(settings.registry, ledger, "promotion", second, current, Verdict("promote", "mended"))
        slot.refresh()
    assert slot.loaded.version.number == 2


def test_a_release_that_is_not_right_is_promoted_by_nobody(
    champion: Champion, tmp_path: Path
) -> None:
    settings = champion.copy(tmp_path)
    second_version(champion, settings, changed_model)
    rollback(settings.registry, settings.approver)
    with pytest.raises(CheckFailed, match="not the file that was signed"):
        promote(settings, 2, override="I know better")
    assert champions.champion_release(settings.registry)[0].number == 1


def test_without_registry_the_latest_copy_that_is_here_serves(
    champion: Champion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = champion.copy(tmp_path)
    second_version(champion, settings)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    alone = settings.model_copy(update={"project": settings.project.at(settings.project.root)})
    with Ledger(settings.project.ledger_url) as ledger:
        assert slot_of(alone, ledger).loaded.version.number == champion.trained.number
        shutil.rmtree(settings.project.root / "releases")
        with pytest.raises(WorldBroken, match="version 2 does not come"):
            slot_of(alone, ledger)

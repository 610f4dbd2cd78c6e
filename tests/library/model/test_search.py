"""A search tells how far it is."""

from typing import Any

from ml_lifecycle.model.search import search
from project.candidates import ladder


def test_a_search_says_its_trial_and_the_time_left_and_never_stands_still(champion: Any) -> None:
    said: list[tuple[str, int, int]] = []
    frame, contract = champion.rows
    settings = champion.settings
    task, cache = settings.task(contract), settings.project.cache
    search(frame, task, ladder, settings.training, cache, "", lambda *step: said.append(step))
    assert said[0][0] == "trial 1, about 1 s left: baseline"
    assert [done for _, done, _ in said] == list(range(len(said)))
    assert all(done < total for _, done, total in said[:-1])
    assert said[-1][1] == said[-1][2]

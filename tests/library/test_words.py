"""What people read is a sentence."""

import pytest
from ml_lifecycle.words import counted, sentence


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (2000, "2,000 rows")]
)
def test_one_has_no_plural(number: int, said: str) -> None:
    assert counted(number, "row") == said


@pytest.mark.parametrize("text", ["held", "held.", "why?", "no!"])
def test_a_sentence_ends_once(text: str) -> None:
    assert sentence(text).rstrip(".?!") == text.rstrip(".?!")
    assert len(sentence(text)) - len(text.rstrip(".?!")) == 1

"""What verbs share: few lines where nothing can be rewritten."""

import pytest
from ml_lifecycle.cli import progress


def test_where_nothing_can_be_rewritten_few_lines_are_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for done in range(61):
        progress(f"trial {done}", done, 60)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 11
    assert lines[-1] == "   trial 60"

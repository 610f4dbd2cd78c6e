"""The pictures of README.md are there, and light enough to come with every clone."""

import re
import shutil
from pathlib import Path

import pytest

PICTURES = ("docs/report.png", "docs/page.png")
BYTES = 200_000


def find_faults(root: Path) -> list[str]:
    """Pictures that are missing, too heavy, not shown, or shown without a text instead."""
    text = (root / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r'<img src="([^"]+)"[^>]* alt="[^"]+">', text)
    faults = [f"{picture} is not in README.md" for picture in PICTURES if picture not in shown]
    for picture in {*shown, *PICTURES}:
        path = root / picture
        if not path.is_file() or not path.read_bytes().startswith(b"\x89PNG"):
            faults.append(f"{picture} is no picture")
        elif path.stat().st_size > BYTES:
            faults.append(f"{picture} has {path.stat().st_size:,} bytes")
    return faults


def test_each_picture_is_there_and_light_and_shown(template: Path) -> None:
    assert find_faults(template) == []


@pytest.fixture
def copy(template: Path, tmp_path: Path) -> Path:
    (tmp_path / "copy" / "docs").mkdir(parents=True)
    for name in ("README.md", *PICTURES):
        shutil.copy(template / name, tmp_path / "copy" / name)
    return tmp_path / "copy"


def test_a_missing_picture_is_seen(copy: Path) -> None:
    (copy / "docs" / "page.png").unlink()
    assert find_faults(copy) == ["docs/page.png is no picture"]


def test_a_heavy_picture_is_seen(copy: Path) -> None:
    with (copy / "docs" / "page.png").open("ab") as file:
        file.write(bytes(BYTES))
    assert len(find_faults(copy)) == 1


def test_a_picture_that_the_readme_does_not_show_is_seen(copy: Path) -> None:
    text = (copy / "README.md").read_text(encoding="utf-8")
    (copy / "README.md").write_text(text.replace("docs/page.png", "page.png"), encoding="utf-8")
    assert "docs/page.png is not in README.md" in find_faults(copy)

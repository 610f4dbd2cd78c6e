"""Every bad answer is reported before a file is written, and every good one gets through."""

import csv
import functools
import gzip
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Refuse = Callable[..., str]
Render = Callable[..., Path]


@pytest.fixture
def table(here: Path) -> Path:
    path = here / "leads.csv"
    path.write_text("age;bought;month\n31;yes;1\n", encoding="utf-8")
    return path


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    handler = functools.partial(QuietHandler, directory=str(here))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


BAD_ANSWERS = [
    ("project_name", " ", "is empty"),
    ("project_slug", "../escape", "is a path"),
    ("project_slug", "a\\b", "is a path"),
    ("project_slug", "Upper", "cannot be a folder"),
    ("project_slug", "1st", "cannot be a folder"),
    ("project_slug", "trailing-", "cannot be a folder"),
    ("project_slug", "naïve", "cannot be a folder"),
    ("project_slug", "x" * 61, "61 characters"),
    ("project_slug", "class", "word of the Python language"),
    ("project_slug", "match", "word of the Python language"),
    ("project_slug", "json", "hides a module of Python's library"),
    ("project_slug", "sklearn", "hides a library the project needs"),
    ("project_slug", "scikit-learn", "hides a library the project needs"),
    ("project_slug", "con", "device on Windows"),
    ("description", "bell \a", "no settings file can carry"),
    ("author", "half an emoji \ud83d", "no settings file can carry"),
    ("target", "chrned", "Nearest: churned."),
    ("target", "", "is empty"),
    ("time_column", "churned", "is the target as well"),
    ("time_column", "zzz", "Name a column of that line."),
]


@pytest.mark.parametrize(
    ("prompt", "given", "reason"), BAD_ANSWERS, ids=[f"{p}={g!a}" for p, g, _ in BAD_ANSWERS]
)
def test_a_bad_answer_is_reported_and_leaves_nothing(
    prompt: str, given: str, reason: str, refuse: Refuse, out: Path, tmp_path: Path
) -> None:
    message = refuse(**{"project_slug": "some-project", prompt: given})
    assert f"  {prompt}: " in message
    assert reason in message
    assert "Traceback" not in message
    assert {path.name for path in tmp_path.iterdir()} == {"here", "out"}
    assert list(out.iterdir()) == []


def test_a_name_without_letters_derives_no_slug_and_says_so(refuse: Refuse, out: Path) -> None:
    # cookiecutter itself refuses to write into the current folder, unless it is told to overwrite.
    message = refuse(overwrite=True, project_name="!!!")
    assert "no letter or digit" in message
    assert out.is_dir()


def test_an_absolute_slug_is_reported_and_leaves_nothing(refuse: Refuse, tmp_path: Path) -> None:
    assert "is a path" in refuse(project_slug=str(tmp_path / "elsewhere"))
    assert not (tmp_path / "elsewhere").exists()


def test_all_bad_answers_come_in_one_message(refuse: Refuse) -> None:
    message = refuse(project_name=" ", project_slug="json", data="no.csv", target="", author="\b")
    reported = ["project_name", "project_slug", "data", "target", "author"]
    assert all(f"  {prompt}: " in message for prompt in reported)
    assert message.count("No project was made") == 1


def test_a_refusal_leaves_an_existing_folder_as_it_was(refuse: Refuse, out: Path) -> None:
    kept = out / "mine" / "notes.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    refuse(overwrite=True, project_slug="mine", target="no such column")
    assert [path.name for path in kept.parent.iterdir()] == ["notes.txt"]
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("form", ["relative", "absolute", "home", "output folder"])
def test_a_path_may_be_typed_as_people_type_it(
    form: str, render: Render, table: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(table.parent))
    if form == "output folder":
        table = table.rename(out / table.name)
    typed = {"absolute": str(table), "home": "~/leads.csv"}.get(form, "leads.csv")
    link = render(data=typed, target="bought", time_column="month") / "data" / "leads.csv"
    assert link.readlink() == table
    assert not (link.parent / "example.csv").exists()


def test_a_relative_path_that_means_two_tables_is_reported(
    refuse: Refuse, table: Path, out: Path
) -> None:
    (out / table.name).write_text("another,table\n")
    message = refuse(data=table.name, target="bought")
    assert "is ambiguous" in message
    assert str(table) in message


@pytest.mark.parametrize("name", ["example.csv", "README.md"])
def test_a_table_named_like_a_bundled_file_is_neither_lost_nor_replaced(
    name: str, render: Render, table: Path
) -> None:
    table = table.rename(table.with_name(name))
    before = table.read_bytes()
    for _ in range(2):
        project = render(overwrite=True, data=name, target="bought")
        assert (project / "data" / name).readlink() == table
        assert table.read_bytes() == before


def test_a_file_url_is_checked_and_kept(render: Render, refuse: Refuse, table: Path) -> None:
    assert (render(data=table.as_uri(), target="bought") / "project.toml").exists()
    missing = refuse(project_slug="other", data=table.as_uri() + "x", target="bought")
    assert "is not there" in missing


def test_the_header_is_read_through_http(
    render: Render, refuse: Refuse, server: str, table: Path
) -> None:
    assert render(data=f"{server}/leads.csv", target="bought").exists()
    wrong = refuse(project_slug="other", data=f"{server}/leads.csv", target="bougt")
    assert "Nearest: bought." in wrong


def test_a_url_that_its_server_refuses_is_reported(refuse: Refuse, server: str) -> None:
    assert "404" in refuse(data=f"{server}/none.csv", target="bought")


def test_a_server_out_of_reach_is_a_warning(
    render: Render, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as deaf:
        # Bound and never listening: the port is ours, and refuses.
        deaf.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/t.csv"
        assert render(data=url, target="bought").exists()
    assert "cannot be reached" in capfd.readouterr().err


def test_a_url_that_cannot_be_asked_for_is_reported(refuse: Refuse) -> None:
    assert "%XX" in refuse(data="http://127.0.0.1/a b.csv", target="bought")


def test_folders_and_empty_or_binary_files_are_reported(refuse: Refuse, here: Path) -> None:
    (here / "folder").mkdir()
    (here / "empty.csv").touch()
    (here / "blank.csv").write_text("\n \n")
    (here / "book.xlsx").write_bytes(b"PK\x03\x04\x00\x00")
    (here / "torn.csv.gz").write_bytes(b"\x1f\x8b torn")
    assert "is a folder" in refuse(data="folder", target="bought")
    assert "is empty" in refuse(data="empty.csv", target="bought")
    assert "is empty" in refuse(data="blank.csv", target="bought")
    assert "neither text nor Parquet" in refuse(data="book.xlsx", target="bought")
    assert "is damaged" in refuse(data="torn.csv.gz", target="bought")
    assert "is not a path" in refuse(data="~nobody-here/t.csv", target="bought")
    assert "is not there" in refuse(data="x" * 300, target="bought")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_table_is_reported(refuse: Refuse, table: Path) -> None:
    table.chmod(0)
    assert "cannot be read" in refuse(data=table.name, target="bought")


HEADERS = {
    "comma": b"age,bought,month\n1,2,3\n",
    "tab": b"age\tbought\tmonth\n",
    "pipe": b"age|bought|month\n",
    "spaces": b"age , bought , month\n",
    "blank lines first": b"\n\r\nage,bought,month\r\n",
    "old Macintosh": b"age,bought,month\r1,2,3\r",
    "Excel's line": b"sep=;\r\nage, in years;bought;month\r\n",
    "quoted": b'"age, in years";"bought";"month"\n',
    "byte-order mark": "bought,Größe,month\n".encode("utf-8-sig"),
    "utf-16": "age,bought,month\n".encode("utf-16"),
    "latin-1": "größe,bought,month\n".encode("latin-1"),
    "gzip": gzip.compress(b"age,bought,month\n" + os.urandom(200_000).hex().encode()),
    "a character cut at 64 KiB": b"bought,month\n" + "é".encode() * 40_000,
    "a line beyond 64 KiB": b",".join(b"column %d" % n for n in range(9_000)),
    "parquet": b"PAR1\x15\x04\x15",
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_is_read_whatever_the_file_looks_like(
    kind: str, render: Render, here: Path
) -> None:
    (here / "t.csv").write_bytes(HEADERS[kind])
    assert render(data="t.csv", target="bought", time_column="month").exists()


def test_a_table_without_header_takes_columns_by_place(
    render: Render, refuse: Refuse, here: Path
) -> None:
    (here / "t.csv").write_text("5.1,3.5,setosa\n")
    assert render(data="t.csv", target="column_3").exists()
    message = refuse(project_slug="other", data="t.csv", target="column_4")
    assert "5.1, 3.5, setosa" in message
    assert "header = false" in message


def test_the_typed_line_is_kept_letter_by_letter(template: Path, out: Path, here: Path) -> None:
    """Typed at the prompt, not passed as an option: cookiecutter renders only the latter."""
    typed = 'a "b" \\ {{ x }} ${{ 1 }} # é'
    with (here / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(["age", typed])
    command = [sys.executable, "-m", "cookiecutter", str(template), "--default-config"]
    lines = ["Typed", "typed", typed, typed, "t.csv", typed, "", "3"]
    subprocess.run(
        [*command, "-o", str(out)],
        input="".join(f"{line}\n" for line in lines),
        env={**os.environ, "HOME": str(here), "PYTHONUTF8": "1"},
        encoding="utf-8",
        check=True,
        capture_output=True,
    )
    settings = (out / "typed" / "project.toml").read_text(encoding="utf-8")
    assert json.dumps(typed, ensure_ascii=False) in settings
    assert not (out / "typed" / ".github").exists()

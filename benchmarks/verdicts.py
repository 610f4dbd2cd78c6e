"""What the drift check says of planted shifts, with Evidently, NannyML and plain tests beside it.

    .venv/bin/python benchmarks/verdicts.py --times 200 --rows 1000
    .venv/bin/python benchmarks/verdicts.py --rows 100 --rows 1000 --rows 10000 --no-peers
    .venv/bin/python benchmarks/verdicts.py --years 20

A model of each stream (`streams.py`) is trained by the recipe on 20,000 rows, a quarter of them its
test rows: the reference. Each window is drawn anew; the peers see the first of them, in
environments of their own. `alarm` is any verdict but quiet; all figures are shares of the windows.

With `--years` there is a window of 500 rows with outcomes each day: how many years without drift
see a false alarm, and how many days pass until a concept change at day 100 is called `retrain`.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from pathlib import Path

from training import example_project


def project(folder: Path | None) -> tuple[Path, str]:
    """Return the Python of a project, of a new one if no folder is given, and its package."""
    root = folder or example_project("bench-verdicts")
    content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    package, _ = content["tool"]["uv"]["build-backend"]["module-name"]
    return root / ".venv" / "bin" / "python", package


def main() -> None:
    """Make a project, and compare in its environment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=200, help="windows of a shift and size")
    parser.add_argument("--rows", type=int, action="append", help="of a window; default 1000")
    parser.add_argument("--streams", type=int, default=10, help="references with a model each")
    parser.add_argument("--shift", action="append", default=[], help="only these")
    parser.add_argument("--peer-times", type=int, default=60, help="windows that peers are shown")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--years", type=int, default=0, help="of daily checks, in place of windows")
    parser.add_argument("--days", type=int, default=365, help="of a year")
    parser.add_argument("--project", type=Path, help="one that is set up, in place of a new one")
    given = parser.parse_args()
    python, package = project(given.project)
    asked = vars(given) | {"package": package, "rows": given.rows or [1000], "project": None}
    command = [python, Path(__file__).with_name("comparing.py"), json.dumps(asked)]
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()

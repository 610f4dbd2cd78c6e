"""Write the digest of the library into the recipe that is made with it: `make fix` runs this."""

import re
import runpy
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "{{cookiecutter.project_slug}}" / "src"
RECIPE = SOURCE / "{{cookiecutter.__package}}"


def digest(source: Path = SOURCE) -> str:
    """Return the digest of the library as it lies in `source`."""
    return runpy.run_path(str(source / "ml_lifecycle" / "digest.py"))["digest"]()


def adopt(recipe: Path) -> None:
    """Let a recipe take the library beside it for the one that it was made with."""
    path = recipe / "__init__.py"
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^LIBRARY = .*$", f'LIBRARY = "{digest(recipe.parent)}"', text)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    adopt(RECIPE)

"""Write the digest of the library into the recipe that is made with it: `make fix` runs this."""

import re
import runpy
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "{{cookiecutter.project_slug}}" / "src"
RECIPE = SOURCE / "{{cookiecutter.__package}}" / "__init__.py"


def digest() -> str:
    """Return the digest of the library as it lies here."""
    return runpy.run_path(str(SOURCE / "ml_lifecycle" / "digest.py"))["digest"]()


def main() -> None:
    text = RECIPE.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^LIBRARY = .*$", f'LIBRARY = "{digest()}"', text)
    RECIPE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

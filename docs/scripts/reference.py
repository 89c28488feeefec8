"""Reference pages, generated from the code: recipe keys, checks, commands, metrics and the zoo.

Usage: ``python docs/scripts/reference.py`` writes them, ``--check`` reports stale pages.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reference_commands import command_page
from reference_recipe import recipe_page, recipe_schema
from reference_tables import check_page, metric_page
from reference_zoo import zoo_page

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).resolve().parents[1] / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "recipe.md": recipe_page,
    "recipe.schema.json": recipe_schema,
    "checks.md": check_page,
    "commands.md": command_page,
    "metrics.md": metric_page,
    "zoo.md": zoo_page,
}


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Write the pages, or with ``--check`` return 1 if one is stale."""
    pages = {name: make() for name, make in PAGES.items()}
    if arguments != ["--check"]:
        folder.mkdir(exist_ok=True)
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8")
        return 0
    stale = [name for name, text in pages.items() if _read(folder / name) != text]
    if stale:
        print(f"error: stale pages in docs/reference: {', '.join(stale)}", file=sys.stderr)
        print("hint: Run `python docs/scripts/reference.py`", file=sys.stderr)
    return 1 if stale else 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

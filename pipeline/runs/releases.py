"""Names of releases: recipes of one file name in several folders have releases of their own."""

from __future__ import annotations

import os
from itertools import chain, count
from pathlib import Path
from urllib.parse import quote

from prunepack.io.atomic import replace_file
from prunepack.pipeline.cache.disk_errors import explain_write_errors
from prunepack.pipeline.runs.run_files import read_last_run

__all__ = ["claim_release", "locate_source", "name_release"]


def locate_source(source: str, root: Path) -> str:
    """Return the path of a recipe as seen from ``root``, or its built-in name."""
    return Path(os.path.relpath(source, root)).as_posix() if Path(source).suffix else source


def name_release(root: Path, name: str, source: str) -> str:
    """Return the name of a recipe's release: ``name``, numbered if it is that of another recipe.

    Args:
        root: The artifacts folder.
        name: The name of the recipe's file.
        source: The result of :func:`locate_source`.
    """
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(free for free in names if {*_list_owners(root, free)} <= {source})


def claim_release(root: Path, name: str, source: str) -> str:
    """Return the name of a recipe's release, and keep it for files of no run, such as a search.

    Args:
        root: The artifacts folder.
        name: The name of the recipe's file.
        source: The result of :func:`locate_source`.

    Raises:
        UsageError: If the folder cannot be written to.
    """
    release = name_release(root, name, source)
    claim = _locate_claim(root, release)
    with explain_write_errors(claim.parent):
        claim.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(claim, durable=False) as draft:
            draft.write_text(source, encoding="utf-8")
    return release


def _list_owners(root: Path, release: str) -> list[str]:
    """Return the recipes that have a run or a claim of ``release``."""
    try:
        claimed = _locate_claim(root, release).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        claimed = ""
    return [source for source in (read_last_run(root, release).source, claimed) if source]


def _locate_claim(root: Path, release: str) -> Path:
    return root / ".store" / "releases" / f"{quote(release, safe='')}.txt"

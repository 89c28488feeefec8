"""Subjects of an in-toto statement: the files that it is about, with their SHA-256."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.provenance.statement import STATEMENT_TYPE

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_subjects"]


def read_subjects(payload: bytes, source: Path) -> dict[str, str]:
    """Return the SHA-256 of each subject of a statement, by name.

    Raises:
        RefusedError: If ``payload`` is not an in-toto statement with a SHA-256 per file.
    """
    try:
        value = json.loads(payload)
        found = {row["name"]: row["digest"]["sha256"] for row in value["subject"]}
        kind, texts = value["_type"], [*found, *found.values()]
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        kind, texts = f"{type(error).__name__}: {error}", []
    if kind != STATEMENT_TYPE or not texts or not all(isinstance(text, str) for text in texts):
        raise RefusedError(
            f"`{source}` does not hold a statement on a release",
            expected=f"{STATEMENT_TYPE} with a SHA-256 for each subject",
            found=kind,
            hint="Write one with `prunepack attest`",
        )
    return found

"""Reasons why a mutant passes, by its operator and its description."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["explain_survivor"]

FOREIGN = "the file has no record of an export, so its nodes are not compared with a fresh one"

REASONS: tuple[tuple[str, str], ...] = (
    (r"^(?!exported).*NaN replaced", f"Only NaN in an input shows it; {FOREIGN}."),
    (
        r"^(?!exported).*size of axis \d",
        f"Only batches or lengths that verify does not run show it; {FOREIGN}. Give samples of "
        "the sizes that are served.",
    ),
    (
        r"^(?!exported).* (if|behind) ",
        f"Only values that verify does not draw show it; {FOREIGN}. Give real samples.",
    ),
)
"""Pattern of a file, an operator and a description → the reason; the first match counts."""


def explain_survivor(row: dict[str, Any]) -> str:
    """Return the reason why the mutant of a row passed."""
    text = f"{row['form']}: {row['operator']}: {row['description']}"
    matches = (reason for pattern, reason in REASONS if re.search(pattern, text))
    return next(matches, "not explained yet")

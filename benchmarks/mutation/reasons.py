"""Reasons why a mutant passes, by its operator and its description."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["explain_survivor"]

REASONS: tuple[tuple[str, str], ...] = ()
"""Pattern of a file, an operator and a description → the reason; the first match counts."""


def explain_survivor(row: dict[str, Any]) -> str:
    """Return the reason why the mutant of a row passed."""
    text = f"{row['form']}: {row['operator']}: {row['description']}"
    matches = (reason for pattern, reason in REASONS if re.search(pattern, text))
    return next(matches, "not explained yet")

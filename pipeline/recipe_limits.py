"""Limits of a recipe: each is on a metric that a stage measures."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.metrics.catalog import CATALOG, find_description

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prunepack.stages.metrics.limits import Limit

__all__ = ["check_limits"]


def check_limits(source: str, limits: Iterable[Limit]) -> None:
    """Refuse a limit on a metric that no stage measures, before any stage has run.

    Args:
        source: The name of the recipe in messages.
        limits: Its limits; a glob may match what is not known yet.

    Raises:
        UsageError: If there is such a limit.
    """
    for limit in limits:
        if not limit.is_glob and find_description(limit.name) is None:
            raise UsageError(
                f"the limit `{limit}` in `{source}` is on a metric that no stage measures",
                hint=_suggest(limit.name),
            )


def _suggest(name: str) -> str:
    close = difflib.get_close_matches(name, [row.name for row in CATALOG], n=1)
    if close:
        return f"Did you mean `{close[0]}`?"
    return "Choose among the metrics in the report of a run, or in docs/reference/metrics.md"

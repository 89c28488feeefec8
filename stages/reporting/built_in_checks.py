"""Built-in checks, with the reason and the remedy of each; one table per subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.metrics.limits import Limit
from prunepack.stages.metrics.measurability import is_measurable
from prunepack.stages.reporting.built_in import (
    data,
    files,
    graph,
    inputs,
    model,
    runtime,
    session,
    sparse,
    torch_onnx,
    weights,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prunepack.stages.metrics.metric import Metric

__all__ = [
    "BUILT_IN_CHECKS",
    "BUILT_IN_LIMITS",
    "DEFAULT_LIMITS",
    "FILE_CHECKS",
    "BuiltInCheck",
    "find_hint",
    "merge_limits",
]


@dataclass(frozen=True, slots=True)
class BuiltInCheck:
    """A check that needs no entry in a recipe.

    Attributes:
        limit: The limit, on one metric; a limit of the user's on that metric replaces it.
        compares: The quantity that is compared, as a noun phrase.
        why: The reason why a release must pass it, as a sentence.
        hint: The remedy if it fails, as an imperative.
    """

    limit: Limit
    compares: str
    why: str
    hint: str

    @property
    def name(self) -> str:
        """The name of the metric."""
        return self.limit.name


TABLES = (torch_onnx, weights, session, sparse, inputs, model, runtime, graph, data)
"""The tables of rows in the order of the report; a row is limit, compares, why and hint."""

BUILT_IN_CHECKS = tuple(
    BuiltInCheck(Limit.parse(limit), *row) for table in TABLES for limit, *row in table.ROWS
)
"""One row per check, in the order of the report."""

FILE_CHECKS = tuple(
    BuiltInCheck(Limit.parse(f"{group}.{limit}"), *row)
    for group in ("similarity", "parity.files")
    for limit, *row in files.ROWS
    if group == "parity.files" or "tolerance" not in limit
)
"""The checks of two ONNX files, in the place of those of forms that they do not have."""

BUILT_IN_LIMITS = tuple(check.limit for check in BUILT_IN_CHECKS)

DEFAULT_LIMITS = tuple(Limit.parse(limit) for limit, *_ in data.ROWS)
"""The built-in limits that a limit of the user may loosen without another word."""

_HINTS = {check.name: check.hint for check in (*BUILT_IN_CHECKS, *FILE_CHECKS)}


def find_hint(name: str) -> str | None:
    """Return the remedy for a failed check on the metric ``name``, if it is a built-in one."""
    return _HINTS.get(name)


def merge_limits(own: Iterable[Limit], metrics: Mapping[str, Metric] | None = None) -> list[Limit]:
    """Return the built-in limits and ``own``; the last one per metric and sense counts.

    Built-in limits on a comparison of forms are left out where ``metrics`` say that the model
    does not have these forms.
    """
    limits = (*BUILT_IN_LIMITS, *(check.limit for check in FILE_CHECKS))
    limits = (*(limit for limit in limits if is_measurable(limit.name, metrics or {})), *own)
    return list({(limit.name, limit.sense): limit for limit in limits}.values())

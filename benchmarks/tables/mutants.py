"""Table of the mutation score, and its survivors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.mutation.reasons import explain_survivor
from benchmarks.results import read_result
from benchmarks.tables.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["mutants_summary", "mutants_table", "survivors_table"]

Row = dict[str, Any]


def mutants_summary() -> str:
    """Return both scores, and the numbers of candidates that are left out, as sentences."""
    result = read_result("mutants")
    return f"Files of our exporter: {_summarize(result)}\nFiles of other tools: " + _summarize(
        result["foreign"]
    )


def _summarize(result: dict[str, Any]) -> str:
    rows = result["mutants"]
    caught = sum(row["caught"] for row in rows)
    left_out = "; ".join(f"{count} {kind}" for kind, count in sorted(result["dropped"].items()))
    score = f"{caught} of {len(rows)} mutants are caught, {100 * caught / len(rows):.1f} %"
    return f"{score} (candidates left out: {left_out or 'none'})."


def mutants_table() -> str:
    """Return the score per group and operator, and the number that each kind of check caught."""
    rows = read_result("mutants")["mutants"]
    header = ("group", "operator", "mutants", "caught", "by outputs", "by weights", "by the graph")
    operators = dict.fromkeys((row["group"], row["operator"]) for row in sorted(rows, key=_order))
    lines = [
        (*pair, *_count([row for row in rows if (row["group"], row["operator"]) == pair]))
        for pair in operators
    ]
    return table(header, [*lines, ("**all**", "", *_count(rows))])


def _order(row: Row) -> tuple[str, str]:
    return row["group"], row["operator"]


def _count(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the numbers of mutants: all, caught, and caught by each kind of check."""
    kinds = ("parity.torch_onnx.", "parity.weights.", "parity.graph.")
    by_kind = (_count_caught_by(rows, kind) for kind in kinds)
    return tuple(map(str, (len(rows), sum(row["caught"] for row in rows), *by_kind)))


def _count_caught_by(rows: Iterable[Row], kind: str) -> int:
    return sum(any(name.startswith(kind) for name in row["checks"]) for row in rows)


def survivors_table() -> str:
    """Return the mutants that passed, each with the reason."""
    result = read_result("mutants")
    rows = [*result["mutants"], *result["foreign"]["mutants"]]
    survivors = [row for row in rows if not row["caught"]]
    if not survivors:
        return "None."
    header = ("mutant", "network", "file", "fault", "shown by", "reason")
    return table(header, map(_describe, survivors))


def _describe(row: Row) -> tuple[str, ...]:
    fault = f"{row['operator']}: {row['description']}"
    shown = (str(row["number"]), row["network"], row["form"], fault, row["shown_by"])
    return (*(text.replace("|", "/") for text in shown), explain_survivor(row))

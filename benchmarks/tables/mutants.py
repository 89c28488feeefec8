"""Table of the mutation score, and its survivors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.results import read_result
from benchmarks.tables.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["mutants_summary", "mutants_table", "survivors_table"]

Row = dict[str, Any]


def mutants_summary() -> str:
    """Return the score, and the number of candidates that are left out, as a sentence."""
    result = read_result("mutants")
    rows, dropped = result["mutants"], result["dropped"]
    caught = sum(row["caught"] for row in rows)
    left_out = " and ".join(f"{count} {kind}" for kind, count in sorted(dropped.items()))
    return (
        f"{caught} of {len(rows)} mutants are caught, {100 * caught / len(rows):.1f} %. "
        f"Not counted: {left_out} candidates."
    )


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
    reasons: dict[str, str] = result.get("reasons", {})
    survivors = [row for row in result["mutants"] if not row["caught"]]
    if not survivors:
        return "No mutant passed."
    lines = [
        (
            str(row["number"]),
            row["network"],
            f"{row['operator']}: {row['description']}".replace("|", "/"),
            row["shown_by"].replace("|", "/"),
            reasons.get(str(row["number"]), "not explained yet"),
        )
        for row in survivors
    ]
    return table(("mutant", "network", "fault", "shown by", "reason"), lines)

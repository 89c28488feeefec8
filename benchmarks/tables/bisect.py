"""Table of the results of ``benchmarks.bisect``."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.results import read_result

__all__ = ["bisect_table"]

SIDES = {"onnx": "ONNX and ONNX", "torch": "torch and ONNX"}


def bisect_table() -> str:
    """Return the found faults and their times, by model and pair."""
    result = read_result("bisect")
    lines = [
        "| model | compared | nodes | right node named | seconds, median (most) | runs, most |",
        "|---|---|---|---|---|---|",
    ]
    for model, pairs in result["faults"].items():
        lines += [f"| {model} | {SIDES[pair]} | {_row(rows)} |" for pair, rows in pairs.items()]
    return "\n".join([*lines, "", f"Measured on {result['host']}."])


def _row(rows: list[dict[str, Any]]) -> str:
    hits = sum(row["hit"] for row in rows)
    seconds = [row["seconds"] for row in rows]
    cells = (
        str(rows[0]["nodes"]),
        f"{hits} of {len(rows)}",
        f"{statistics.median(seconds):.1f} ({max(seconds):.1f})",
        str(max(row["runs"] for row in rows)),
    )
    return " | ".join(cells)

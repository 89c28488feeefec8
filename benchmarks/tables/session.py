"""Table of session starts."""

from __future__ import annotations

from typing import Any

from benchmarks.results import read_result
from benchmarks.tables.markdown import table
from benchmarks.tables.size import NAMES

__all__ = ["session_table"]

WAYS = {"plain": "`.onnx` in onnxruntime", "optimised": "optimised", "instant": "instant"}
TARGETS = {"lenet": "≤ 1.25", "minilm": "≤ 1.1", "crepe_full": "≤ 1.1"}


def session_table() -> str:
    """Return time and memory from a file to the first result, one row per way of starting."""
    result = read_result("session")
    rows: list[tuple[str, ...]] = []
    for model, measured in result["models"].items():
        for way, name in WAYS.items():
            target = TARGETS.get(model, "") if way == "optimised" else ""
            rows.append((NAMES[model], name, *_cells(measured[way], way), target))
    header = ("", "start", "seconds", "in times of plain", "peak memory", "outputs", "target")
    starts = next(iter(result["models"].values()))["plain"]["starts"]
    return table(header, rows, f"Medians of {starts} processes each on {result['host']}.")


def _cells(one: dict[str, Any], way: str) -> tuple[str, ...]:
    seconds, peak = f"{one['first_result_seconds']:.3f}", f"{one['peak_bytes'] / 1e6:.0f} MB"
    if way == "plain":
        return seconds, "", peak, ""
    low, high = one["ratio_interval"]
    ratio = f"{one['ratio']:.2f} ({low:.2f}–{high:.2f})"
    return seconds, ratio, peak, "the same bits" if one["same_outputs"] else "differ"

"""Table of speeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.results import read_result
from benchmarks.tables.markdown import table
from benchmarks.tables.size import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["speed_table"]

TARGETS = {
    ("decode", "fast", 0.9): "≥ 3,000",
    ("decode", "small", 0.9): "≥ 2,000",
    ("decode", "fast", 0.5): "≥ 1,000",
    ("decode", "small", 0.5): "≥ 1,000",
    ("encode", "fast", 0.9): "≥ 400",
    ("encode", "small", 0.9): "≥ 60",
    ("times_pcodec", "fast", 0.9): "≥ 3",
    ("threads", "fast", 0.9): "≥ 1.5",
    ("threads", "small", 0.9): "≥ 1.5",
}
"""Targets by measure, level and sparsity."""

SPEEDS = {
    "decode": "decode, chunks to arrays",
    "decode_file": "decode, whole file with SHA-256",
    "encode": "encode, arrays to chunks",
    "encode_file": "pack, whole file and proof",
}


def speed_table() -> str:
    """Return one row per measure, level and sparsity, one column per model."""
    result = read_result("speed")
    cases = result["cases"]
    models = list(dict.fromkeys(case["model"] for case in cases))
    rows: list[tuple[str, ...]] = []
    for sparsity in dict.fromkeys(case["sparsity"] for case in cases):
        chosen = {case["model"]: case for case in cases if case["sparsity"] == sparsity}
        for what, name, levels, text in _measures(chosen[models[0]]):
            for level in levels:
                found = [text(chosen[model], level) for model in models]
                wanted = TARGETS.get((what, level, sparsity), "")
                rows.append((f"{100 * sparsity:.0f} %", name, level, *found, wanted))
    header = ("pruned", "MB/s of dense bytes", "", *(NAMES[model] for model in models), "target")
    host = f"Measured on {result['host']}, {result['rounds']} rounds."
    return table(header, rows, host)


def _measures(case: dict[str, Any]) -> list[tuple[str, str, list[str], Callable[..., str]]]:
    """Return the measures: key, name, levels, and the function that formats a case."""
    shown: list[tuple[str, str, list[str], Callable[..., str]]] = [
        (key, name, list(case[key]["speeds"]), _speed(key)) for key, name in SPEEDS.items()
    ]
    ratios = list(case["decode"]["times_pcodec"])
    shown.insert(1, ("times_pcodec", "… in times of pcodec dense", ratios, _times_pcodec))
    threads = list(case["threads"])
    return [*shown, ("threads", "two threads in times of one", threads, _threads)]


def _speed(key: str) -> Callable[[dict[str, Any], str], str]:
    return lambda case, level: f"{case[key]['speeds'][level]:,.0f}"


def _times_pcodec(case: dict[str, Any], level: str) -> str:
    return _ratio(case["decode"]["times_pcodec"][level])


def _threads(case: dict[str, Any], level: str) -> str:
    return _ratio(case["threads"][level])


def _ratio(one: dict[str, float]) -> str:
    return f"{one['ratio']:.2f} ({one['low']:.2f}–{one['high']:.2f})"

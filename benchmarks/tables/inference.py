"""Table of inference with sparse kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.inference_models import NETWORKS
from benchmarks.results import read_result
from benchmarks.tables.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["creation_table", "inference_table"]


def inference_table() -> str:
    """Return how many times faster sparse sessions are, a row per network, batch and threads."""
    result = read_result("inference")
    rows = result["rows"]
    percents = sorted({key.split("/")[1] for key in rows})
    header = ("", "batch", "threads", *(f"{percent} % zeros" for percent in percents), "error")
    lines = []
    for name, batch, threads in _cases(rows):
        found = [rows.get(f"{name}/{percent}/{batch}/{threads}") for percent in percents]
        error = max(row["error"] for row in found if row)
        cells = map(_cell, found)
        lines.append((NETWORKS[name].title, batch, threads, *cells, f"{error:.0e}"))
    below = f"Medians of {result['rounds']} interleaved rounds on {result['host']}."
    return table(header, lines, below)


def _cases(rows: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield each network with its batch and threads once, in the order of the networks."""
    found = {(name, batch, threads) for name, _, batch, threads in (k.split("/") for k in rows)}
    order = list(NETWORKS)
    yield from sorted(found, key=lambda case: (order.index(case[0]), int(case[1]), int(case[2])))


def _cell(row: dict[str, Any] | None) -> str:
    return f"{row['ratio']:.2f} ({row['low']:.2f}–{row['high']:.2f})" if row else ""


def creation_table() -> str:
    """Return time and memory of the creation of dense and sparse sessions at 90 % zeros."""
    result = read_result("inference")
    header = ("", "file", "dense", "sparse", "dense memory", "sparse memory", "peaks")
    lines = []
    for name, found in result["creation"].items():
        memory = (f"{found[f'{kind}_resident_mb']:.0f} MB" for kind in ("dense", "sparse"))
        seconds = (f"{found[f'{kind}_seconds']:.2f} s" for kind in ("dense", "sparse"))
        peaks = f"{found['dense_peak_mb']:.0f} and {found['sparse_peak_mb']:.0f} MB"
        size = f"{found['file_mb']:.0f} MB"
        lines.append((NETWORKS[name].title, size, *seconds, *memory, peaks))
    return table(header, lines)

"""Tables of inference with sparse kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.inference.models import NETWORKS
from benchmarks.inference.peers import PEERS
from benchmarks.results import read_result
from benchmarks.tables.markdown import table

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["creation_table", "engines_table", "inference_table", "roofline_table", "threads_table"]

UNKNOWN = "Not measured yet: run `make bench-inference`."


def inference_table() -> str:
    """Return how many times faster sparse sessions are, a row per network and batch."""
    result = read_result("inference")
    rows = result["rows"]
    percents = sorted({key.split("/")[1] for key in rows})
    header = ("", "batch", *(f"{percent} % zeros" for percent in percents), "error")
    lines = []
    for name, batch in _cases(rows):
        found = [rows.get(f"{name}/{percent}/{batch}/1") for percent in percents]
        errors = [row["error"] for row in found if row]
        if errors:
            cells = map(_speedup, found)
            lines.append((NETWORKS[name].title, batch, *cells, f"{max(errors):.0e}"))
    return table(header, lines, f"One thread, on {result['host']}.")


def _cases(rows: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return each network with its batch once, in the order of the networks."""
    found = {(name, batch) for name, _, batch, _ in (key.split("/") for key in rows)}
    order = list(NETWORKS)
    return sorted(found, key=lambda case: (order.index(case[0]), int(case[1])))


def _speedup(row: Mapping[str, Any] | None, way: str = "sparse") -> str:
    if not row or way not in row["speedup"]:
        return ""
    found = row["speedup"][way]
    return f"{found['ratio']:.2f} ({found['low']:.2f}–{found['high']:.2f})"


def threads_table() -> str:
    """Return the speed-ups with one and two threads at 90 %, and the share that two keep."""
    rows = read_result("inference")["rows"]
    lines = []
    for name, batch in _cases(rows):
        one, two = (rows.get(f"{name}/90/{batch}/{threads}") for threads in (1, 2))
        if one and two:
            kept = two["speedup"]["sparse"]["ratio"] / one["speedup"]["sparse"]["ratio"]
            exchange = f"{two['exchange_ns']} ns" if "exchange_ns" in two else ""
            cells = (_speedup(one), _speedup(two), f"{kept:.0%}", exchange)
            lines.append((NETWORKS[name].title, batch, *cells))
    header = ("", "batch", "1 thread", "2 threads", "kept", "exchange")
    return table(header, lines) if lines else UNKNOWN


def engines_table() -> str:
    """Return our sessions and the engines of other makers in times of dense onnxruntime."""
    rows = read_result("inference").get("peers", {})
    titles = (peer.title for peer in PEERS.values())
    header = ("", "batch", "dense", "**sparse**", *titles)
    lines = []
    for key in sorted(rows, key=lambda key: (list(NETWORKS).index(key.split("/")[0]), len(key))):
        name, batch = key.split("/")
        row = rows[key]
        dense = f"{row['ms']['dense']:.1f} ms"
        cells = (_speedup(row, way) or _reason(row, way) for way in PEERS)
        lines.append((NETWORKS[name].title, batch, dense, f"**{_speedup(row)}**", *cells))
    return table(header, lines) if lines else UNKNOWN


def _reason(row: Mapping[str, Any], way: str) -> str:
    note = str(row["peers"].get(way, ""))
    return note if len(note) < 40 else "does not run"


def roofline_table() -> str:
    """Return the limits of this machine, and the share of them that the kernels reach."""
    machine = read_result("inference").get("machine")
    if not machine:
        return UNKNOWN
    header = ("", "µs", "by multiply-adds", "by loads", "by memory", "reached")
    lines = []
    for row in machine["layers"]:
        limits = [row[f"{kind}_us"] for kind in ("multiply_adds", "loads", "memory")]
        cells = (f"{value:,.0f}" for value in (row["us"], *limits))
        lines.append((row["layer"], *cells, f"{max(limits) / row['us']:.0%}"))
    limits = machine["limits"]
    sizes = {int(key[5:]): value for key, value in limits.items() if key.startswith("read_")}
    reads = ", ".join(f"{value:.0f} from {_size(kib)}" for kib, value in sorted(sizes.items()))
    below = (
        f"Per nanosecond, one core of it makes {limits['multiply_adds']:.0f} multiply-adds of "
        f"float32 ({limits['multiply_adds_loaded']:.0f} with one load each), and reads so many "
        f"bytes: {reads}."
    )
    return table(header, lines, below)


def _size(kib: int) -> str:
    return f"{kib} KiB" if kib < 1024 else f"{kib // 1024} MiB"


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

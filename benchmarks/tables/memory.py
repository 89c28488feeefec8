"""Tables of peak memory."""

from __future__ import annotations

from benchmarks.results import read_result
from benchmarks.tables.markdown import table
from benchmarks.tables.size import NAMES

__all__ = ["decode_memory_table", "large_model_table"]

MB = 1e6


def decode_memory_table() -> str:
    """Return the memory that decoding at 90 % needs beside its buffer."""
    rows = [
        (
            NAMES[one["model"]],
            f"{one['dense'] / MB:.1f} MB",
            f"{(one['peak'] - one['before']) / MB:.1f} MB",
            f"{100 * one['extra']:.1f} %",
            "≤ 15 %",
        )
        for one in read_result("memory")["decode"]
    ]
    return table(("", "dense weights", "memory added at the peak", "beyond them", "target"), rows)


def large_model_table() -> str:
    """Return peak memory and time to pack, unpack and start the large model."""
    result = read_result("memory")
    large = result["large"]
    rows = [
        (f"`{task}`", f"{large[task]['peak'] / MB:,.0f} MB", f"{large[task]['seconds']:.0f} s", aim)
        for task, aim in (("pack", "< 1,000 MB"), ("unpack", "< 1,000 MB"), ("start", "opens"))
    ]
    below = (
        f"{large['bytes']:,} bytes of weights, an artifact of {large['artifact']:,} bytes. "
        f"Measured on {result['host']}."
    )
    return table(("", "peak resident memory", "time", "target"), rows, below)

"""Table of a plain install."""

from __future__ import annotations

from benchmarks.results import read_result
from benchmarks.tables.markdown import table

__all__ = ["install_table"]


def install_table() -> str:
    """Return the size of each distribution and the time of an import."""
    result = read_result("install")
    rows: list[tuple[str, ...]] = [
        (name, _megabytes(one["files"]), _megabytes(one["bytecode"]))
        for name, one in result["bytes"].items()
    ]
    total = [sum(one[kind] for one in result["bytes"].values()) for kind in ("files", "bytecode")]
    rows.append(("**together**", *(f"**{_megabytes(size)}**" for size in total)))
    plain, reader = (
        f"{result[key]['median']:.3f} s ({result[key]['least']:.3f}–{result[key]['most']:.3f})"
        for key in ("import_seconds", "import_reader_seconds")
    )
    below = (
        f"`import prunepack`: {plain}; with its reader: {reader}. Medians of "
        f"{result['import_seconds']['runs']} processes on {result['host']}. "
        "Wanted: less than 60 MB, less than 0.15 s."
    )
    return table(("", "files", "bytecode made by pip"), rows, below)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"

"""Renderer of the benchmark tables in the docs, and the check that they are up to date.

A table is between ``<!-- NAME -->`` and ``<!-- /NAME -->`` where NAME is a key of ``TABLES``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.tables.bisect import bisect_table
from benchmarks.tables.compaction import compaction_table
from benchmarks.tables.faults import faults_summary, faults_table
from benchmarks.tables.inference import (
    creation_table,
    engines_table,
    inference_table,
    roofline_table,
    threads_table,
)
from benchmarks.tables.install import install_table
from benchmarks.tables.latency import latency_table
from benchmarks.tables.memory import decode_memory_table, large_model_table
from benchmarks.tables.mutants import mutants_summary, mutants_table, survivors_table
from benchmarks.tables.peers import peers_table
from benchmarks.tables.pipeline import pipeline_table, stages_table
from benchmarks.tables.real_models import large_run_table, real_models_table
from benchmarks.tables.repeated import repeated_table
from benchmarks.tables.scores import scores_table, tuned_table
from benchmarks.tables.session import session_table
from benchmarks.tables.size import (
    programs_table,
    size_table,
    smaller_table,
    tools_table,
    wheel_files_table,
)
from benchmarks.tables.speed import speed_table

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/benchmarks.md", "docs/faults.md", "docs/how-to/bisect.md")


TABLES = {
    "pipeline": pipeline_table,
    "stages": stages_table,
    "latency": latency_table,
    "repeated": repeated_table,
    "bisect": bisect_table,
    "compaction": compaction_table,
    "peers": peers_table,
    "faults-summary": faults_summary,
    "faults": faults_table,
    "mutants-summary": mutants_summary,
    "mutants": mutants_table,
    "survivors": survivors_table,
    "smaller": smaller_table,
    "size": size_table,
    "tools": tools_table,
    "wheel-files": wheel_files_table,
    "programs": programs_table,
    "speed": speed_table,
    "session": session_table,
    "memory": decode_memory_table,
    "large": large_model_table,
    "inference": inference_table,
    "inference-threads": threads_table,
    "inference-engines": engines_table,
    "roofline": roofline_table,
    "creation": creation_table,
    "install": install_table,
    "real-models": real_models_table,
    "scores": scores_table,
    "tuned": tuned_table,
    "large-run": large_run_table,
}


def _render_table(table: Callable[[], str]) -> str:
    """Return a table, or the name of its missing result: some take an hour to measure."""
    try:
        return table()
    except FileNotFoundError as error:
        return f"Not measured yet: `benchmarks/results/{Path(error.filename).name}` is missing."


def render_text(text: str) -> str:
    """Return ``text`` with every table between its marks rendered again."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, opened, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if opened and not closed:
            sys.exit(f"a page has {start.strip()} and no {end}")
        if opened:
            text = f"{before}{start}{_render_table(table)}\n{end}{after}"
    return text


def main() -> None:
    """Render the pages, or with ``--check`` fail if one of them is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="fail if a page is stale; write nothing"
    )
    check = parser.parse_args().check
    for page in PAGES:
        path = ROOT / page
        before = path.read_text()
        after = render_text(before)
        if check and after != before:
            sys.exit(f"{page} is stale: run `make bench`, or `python -m benchmarks.render`")
        if not check:
            path.write_text(after)


if __name__ == "__main__":
    main()

"""Table of repeated measurements of latency: variation between processes, and failed intervals."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.results import read_result
from benchmarks.tables.markdown import table
from prunepack.stages.profiling.ratio import estimate_ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["repeated_table"]

MODELS = {"lenet": "LeNet", "lenet300": "LeNet-300-100", "crepe_tiny": "CREPE tiny"}
KINDS = {"run": "a run, batch 1", "opening": "opening"}
HEADER = (
    "",
    "time of",
    "ratio (all processes)",
    "between rounds",
    "between processes",
    "share",
    "intervals without the ratio",
    "pairs of intervals that do not overlap",
)


def repeated_table() -> str:
    """Return the standard deviations of each model and time, and the failures of the intervals."""
    result = read_result("repeated")
    rows = [
        (title, name, *_summarize(result["models"][model][kind], is_run=kind == "run"))
        for model, title in MODELS.items()
        for kind, name in KINDS.items()
    ]
    return table(HEADER, rows, f"Measured on {result['host']}.")


def _summarize(processes: Sequence[Sequence[float]], *, is_run: bool) -> tuple[str, ...]:
    """Return the cells of one kind of time.

    The variances are those of a one-way analysis of variance with random effects (Searle, Casella
    and McCulloch, "Variance Components", 1992, chapter 3). A negative estimate is shown as 0.
    """
    rounds = np.array(processes)
    within = float(rounds.var(axis=1, ddof=1).mean())
    between = max(float(rounds.mean(axis=1).var(ddof=1)) - within / rounds.shape[1], 0.0)
    ratios = [estimate_ratio(np.array(each), is_run=is_run) for each in processes]
    middle = float(np.exp(np.mean(np.log([ratio.value for ratio in ratios]))))
    missing = sum(not ratio.low <= middle <= ratio.high for ratio in ratios)
    pairs = list(combinations(ratios, 2))
    disjoint = sum(max(a.low, b.low) > min(a.high, b.high) for a, b in pairs)
    return (
        f"{middle:.3f}×",
        f"{100 * within**0.5:.2f} %",
        f"{100 * between**0.5:.2f} %",
        f"{between / within:.2f}",
        f"{missing} of {len(ratios)}",
        f"{disjoint} of {len(pairs)}",
    )

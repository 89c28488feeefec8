"""Searches that are over, with trials of every kind."""

from prunepack.pipeline.search.objective import parse_objective
from prunepack.pipeline.search.result import Result, Score
from prunepack.pipeline.search.summary.findings import Findings

TWO = ("maximize accuracy.artifact", "minimize size.artifact")


def finish(accuracy, size, violation=0.0):
    scores = {
        "accuracy.artifact": Score(value=accuracy, unit="%", low=accuracy - 1, high=accuracy + 1),
        "size.artifact": Score(value=size, unit="bytes"),
    }
    unmet = ("size.ratio >= 8",) if violation else ()
    settings = {"prune.amount": 0.5, "prune.method": "<b>&"}
    return Result(
        state="finished", settings=settings, scores=scores, violation=violation, unmet=unmet
    )


def find(*results, goals=TWO):
    parsed = [parse_objective(text) for text in goals]
    return Findings("lenet", "lenet", "lenet", parsed, dict(enumerate(results)))


STOPPED = Result(state="stopped", reason="hopeless")
FAILED = Result(state="failed", reason="no such layer")
MIXED = find(finish(90, 100), finish(91, 80), finish(80, 50), finish(99, 10, 0.5), STOPPED, FAILED,
             finish(89, 120), finish(91, 80))  # fmt: skip

MANY = find(
    *(finish(99 - 0.01 * n**1.5 - n % 7, 25_000 - 450 * n, 0.1 * (n % 5 == 4)) for n in range(40))
)

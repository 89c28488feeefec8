"""Runs as tables: a list of runs, one run in detail, and the differences between runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.errors import quote
from prunepack.pipeline.cli.console import format_table
from prunepack.pipeline.runs.comparison import describe_other_changes
from prunepack.pipeline.runs.wording import describe_outcome, format_change, format_optional
from prunepack.stages.metrics.metric import metrics_to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.pipeline.runs.comparison import Change, RunsComparison
    from prunepack.pipeline.runs.run import Run

__all__ = [
    "comparison_to_json",
    "format_comparison",
    "format_run_details",
    "format_runs",
    "run_head_to_json",
]

SHOWN = ("accuracy.artifact", "size.artifact", "size.ratio")
"""Metrics in the list of runs."""


def format_runs(runs: Sequence[Run], recipe: str = "") -> str:
    """Return a table of runs, or a sentence if there are none (of ``recipe``, if one is given)."""
    if not runs:
        of_recipe = f"no runs of {quote(recipe)} are kept; `prunepack ls` lists those of others"
        return of_recipe if recipe else "no runs are kept; `prunepack run lenet` makes one"
    head = ("run", "name", "recipe", "started (UTC)", "accuracy", "bytes", "ratio", "verdict")
    return format_table(
        (*head, "settings"), map(_list_cells, runs), right="run accuracy bytes ratio"
    )


def _list_cells(run: Run) -> tuple[str, ...]:
    metrics = run.read_metrics()
    shown = (format_optional(metrics.get(name)) for name in SHOWN)
    started = run.started[:16].replace("T", " ")
    verdict = describe_outcome(run).partition(":")[0]
    return (str(run.number), run.name, run.recipe, started, *shown, verdict, " ".join(run.settings))


def format_run_details(run: Run) -> str:
    """Return the choices of a run, its stages with their results, and its verdict."""
    head = [
        ("run", str(run.number)),
        ("name", run.name),
        ("recipe", run.source or run.recipe),
        ("started", run.started),
        ("settings", " ".join(run.settings)),
        ("verdict", describe_outcome(run)),
        ("result", str(run.events[-1].path) if run.events else ""),
    ]
    stages = [(event.stage, str(event.facts["summary"]), event.digest[:12]) for event in run.events]
    lines = [f"{name:<9} {value}" for name, value in head if value]
    return "\n".join([*lines, "", format_table(("stage", "result", "digest"), stages)])


def run_head_to_json(run: Run) -> dict[str, Any]:
    """Return a run without the materials of its stages as JSON values."""
    return {
        **run.model_dump(mode="json", exclude={"events", "earlier"}),
        "outcome": describe_outcome(run),
        "stages": {event.stage: str(event.path) for event in run.events},
        "metrics": metrics_to_json(run.read_metrics()),
    }


def format_comparison(comparison: RunsComparison) -> str:
    """Return tables of the settings and of the metrics that differ."""
    names, settings, metrics, others = comparison
    parts = [
        _format_changes("setting", names, settings) if settings else "the settings are the same",
        _format_changes("metric", names, metrics)
        if metrics
        else "no metric lies beyond its interval",
        *(["beside the settings:\n" + "\n".join(f"  {text}" for text in others)] if others else []),
    ]
    return "\n\n".join(parts)


def _format_changes(head: str, names: Sequence[str], changes: Sequence[Change]) -> str:
    return format_table((head, *names), [(each.name, *format_change(each)) for each in changes])


def comparison_to_json(runs: Sequence[Run], comparison: RunsComparison) -> dict[str, Any]:
    """Return the differences between runs as JSON values, one value per run."""
    return {
        "runs": [run.number for run in runs],
        "settings": {change.name: list(change.values) for change in comparison.settings},
        "metrics": {
            change.name: [
                None if value is None else metrics_to_json({"": value})[""]
                for value in change.values
            ]
            for change in comparison.metrics
        },
        "other": [describe_other_changes(runs[0], run) for run in runs[1:]],
    }

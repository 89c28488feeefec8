"""Search at the terminal: progress by trial, the front as a table, a trial as a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.pipeline.cli.console import format_table
from prunepack.pipeline.recipe_text import format_recipe
from prunepack.pipeline.search.space import put_settings
from prunepack.pipeline.search.summary.wording import (
    count_outcomes,
    describe_outcome,
    format_score,
    format_settings,
    suggest_command,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from prunepack.pipeline.cli.console import Console
    from prunepack.pipeline.recipe import Recipe
    from prunepack.pipeline.search.result import Result
    from prunepack.pipeline.search.summary.findings import Findings

__all__ = ["SearchProgress", "findings_to_json", "format_findings", "write_taken"]


class SearchProgress:
    """Messages about trials, as they start and end.

    Args:
        console: The console to show the messages on.
        total: The number of trials.
    """

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total = console, total

    def start_trial(self, number: int, settings: Mapping[str, Any]) -> None:
        """Show that a trial starts."""
        what = "the recipe itself" if number == 0 else format_settings(settings)
        self._console.message(f"trial {number} of {self._total}: {what} …")

    def start_stage(self, stage: str, why: str) -> None:
        """Show that a stage of a trial starts, on a terminal."""
        self._console.note(f"{stage} … ({why})")

    def end_trial(self, number: int, result: Result) -> None:
        """Show the result of a trial."""
        self._console.message(f"trial {number}: {describe_result(result)}")

    def lose_trial(self, number: int) -> None:
        """Show that the worker of a trial is dead."""
        self._console.message(f"trial {number}: its worker is dead; it is in the queue again")


def describe_result(result: Result) -> str:
    """Return a result in one line."""
    if result.state != "finished":
        return f"{result.state}: {result.reason}"
    values = ", ".join(f"{name} {format_score(score)}" for name, score in result.scores.items())
    if not result.unmet:
        return values
    first, *more = result.unmet
    return f"{values}; beyond limits: {first}" + (f" and {len(more)} more" if more else "")


def format_findings(findings: Findings, files: Sequence[Path]) -> str:
    """Return the front as a table, with the recipe beside it, and what to do next."""
    metrics = [goal.metric for goal in findings.goals]
    rows = [_list_cells(findings, number, metrics) for number in _list_shown(findings)]
    table = format_table(("trial", *metrics, "", "settings"), rows, right="trial")
    lines = [table, "", *map(str, files), "", _summarize(findings)]
    return "\n".join(lines)


def findings_to_json(findings: Findings, files: Sequence[Path]) -> dict[str, Any]:
    """Return all results as JSON values, with the summary, the next command and the files."""
    return {
        **findings.to_json(),
        "summary": count_outcomes(findings),
        "take": suggest_command(findings) or None,
        "files": {file.name: str(file) for file in files},
    }


def _list_shown(findings: Findings) -> list[int]:
    base = findings.results.get(0)
    return sorted({*findings.front, *([0] if base is not None and base.scores else [])})


def _list_cells(findings: Findings, number: int, metrics: Sequence[str]) -> tuple[str, ...]:
    result = findings.results[number]
    words = [*(["the recipe"] if number == 0 else []), describe_outcome(findings, number)]
    values = (format_score(result.scores[name]) for name in metrics)
    return (str(number), *values, ", ".join(words), format_settings(result.settings))


def _summarize(findings: Findings) -> str:
    """Return the counts of trials, and the command that takes the best one."""
    command = suggest_command(findings)
    advice = f"`{command}` writes the best one" if command else "No trial is within all limits"
    return f"{count_outcomes(findings)} {advice}"


def write_taken(recipe: Recipe, findings: Findings, number: int) -> str:
    """Return a trial as the text of a recipe.

    Raises:
        UsageError: If the trial has no result.
    """
    result = findings.find(number)
    tables = put_settings(recipe.tables, {} if number == 0 else result.settings)
    line = describe_result(result)
    return f"# Trial {number} of a search on {recipe.name}: {line}.\n\n{format_recipe(tables)}\n"

"""The page as text, from its template."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.pipeline.runs.comparison_page.picture import draw_metrics
from prunepack.pipeline.runs.wording import describe_outcome, format_change
from prunepack.stages.reporting.page.template import open_template, replace_controls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.pipeline.runs.comparison import RunsComparison
    from prunepack.pipeline.runs.run import Run

__all__ = ["comparison_to_html"]


def comparison_to_html(runs: Sequence[Run], comparison: RunsComparison) -> str:
    """Return the page; the same runs give the same bytes."""
    page = open_template("page.html.jinja", Path(__file__).parent).render(
        title=f"{', '.join(comparison.names[:-1])} and {comparison.names[-1]}".capitalize(),
        headline=_describe_counts(comparison),
        comparison=comparison,
        heads=[_list_head(name, run) for name, run in zip(comparison.names, runs, strict=True)],
        settings=[(change.name, format_change(change)) for change in comparison.settings],
        metrics=[(change.name, format_change(change)) for change in comparison.metrics],
        picture=draw_metrics(comparison.names, comparison.metrics),
    )
    return replace_controls(page)


def _describe_counts(comparison: RunsComparison) -> str:
    settings, metrics = len(comparison.settings), len(comparison.metrics)
    return (
        f"{settings} {'setting differs' if settings == 1 else 'settings differ'}, and "
        f"{metrics} {'metric lies' if metrics == 1 else 'metrics lie'} beyond the intervals."
    )


def _list_head(name: str, run: Run) -> tuple[str, ...]:
    return name, run.source or run.recipe, run.started[:16].replace("T", " "), describe_outcome(run)

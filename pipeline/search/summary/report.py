"""Files of a search beside the release: ``search.json`` and ``search.html``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.io.atomic import replace_file
from prunepack.pipeline.cache.disk_errors import explain_write_errors
from prunepack.pipeline.search.summary.picture import draw_front
from prunepack.pipeline.search.summary.wording import (
    count_outcomes,
    describe_outcome,
    format_score,
    format_settings,
    suggest_command,
)
from prunepack.stages.metrics.metric import write_json
from prunepack.stages.reporting.page.template import open_template, replace_controls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.pipeline.search.result import Result
    from prunepack.pipeline.search.summary.findings import Findings

__all__ = ["to_html", "write_search_report"]


def write_search_report(findings: Findings, folder: Path) -> list[Path]:
    """Write the results of a search into ``folder``; return the files.

    Raises:
        UsageError: If the folder cannot be written to.
    """
    data, page = folder / "search.json", folder / "search.html"
    with explain_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with replace_file(data, durable=False) as draft:
            write_json(draft, findings.to_json())
        with replace_file(page, durable=False) as draft:
            draft.write_text(to_html(findings), encoding="utf-8")
    return [data, page]


def to_html(findings: Findings) -> str:
    """Return the page; the same findings give the same bytes."""
    page = open_template("page.html.jinja", Path(__file__).parent).render(
        findings=findings,
        headline=_describe_gain(findings),
        counts=count_outcomes(findings),
        picture=draw_front(findings),
        rows=list(_list_rows(findings)),
        command=suggest_command(findings),
    )
    return replace_controls(page)


def _describe_gain(findings: Findings) -> str:
    """Return the best trial that beats the recipe, in one sentence."""
    if not findings.front:
        return "No trial is within all limits."
    if not findings.better:
        return "No trial is better than the recipe in every objective."
    best = findings.better[0]
    scores = findings.results[best].scores
    values = (f"{name} {format_score(score)}" for name, score in scores.items())
    return f"Trial {best} is better than the recipe: {', '.join(values)}."


def _list_rows(findings: Findings) -> Iterator[tuple[int, str, list[str], str, str]]:
    metrics = [goal.metric for goal in findings.goals]
    for number, result in sorted(findings.results.items()):
        scores = [format_score(result.scores[m]) if m in result.scores else "–" for m in metrics]
        settings = "the recipe itself" if number == 0 else format_settings(result.settings)
        yield number, describe_outcome(findings, number), scores, settings, _find_reason(result)


def _find_reason(result: Result) -> str:
    return result.reason or "; ".join(result.unmet)

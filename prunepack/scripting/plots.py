"""Results of a run in a notebook: its pictures, and a summary with verdict and gains."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunepack.arguments import PATH, check_arguments
from prunepack.errors import UsageError, quote

if TYPE_CHECKING:
    import os

    from prunepack.scripting.run import Run
    from prunepack.stages.reporting.report import Report

__all__ = ["Plot", "describe_run", "draw_plot"]

MEASURED_BY = {
    "sensitivity": "Measure it by `prunepack sensitivity RECIPE`, and run the recipe again"
}
"""Hints for pictures of what a run does not measure by itself."""

STYLE = "width:100%;height:420px;border:0"


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of a run; notebooks show it.

    Attributes:
        name: Its key in ``plots.json``.
        title: Its heading.
        html: The picture as an HTML page of its own, without scripts.
        table: The values behind it, as one dictionary per row.
    """

    name: str
    title: str
    html: str
    table: list[dict[str, Any]]

    @check_arguments(path=PATH)
    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, and return its path.

        Raises:
            UsageError: If the file cannot be written.
        """
        target = Path(path)
        try:
            target.write_text(self.html, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"`{target}` cannot be written", found=str(error)) from error
        return target

    def __repr__(self) -> str:
        return f"<prunepack.Plot {self.name}: {self.title}>"

    def _repr_html_(self) -> str:
        """Return the page in a frame, whose style does not touch the notebook."""
        title, page = escape(self.title), escape(self.html)
        return f'<iframe title="{title}" style="{STYLE}" srcdoc="{page}"></iframe>'


def draw_plot(run: Run, name: str) -> Plot:
    """Return a picture of the report of ``run``.

    Raises:
        UsageError: If the run has no report or no such picture.
    """
    from prunepack.stages.contract.plugins import suggest_name
    from prunepack.stages.reporting.charts.gallery import draw_pictures
    from prunepack.stages.reporting.page.render import picture_to_html

    if run.report is None:
        raise UsageError(
            f"run {run.number} has no pictures",
            expected="a run that reached the gate",
            found="one that stopped before it",
            hint="Run the recipe without until",
        )
    pictures = {picture.name: picture for picture in draw_pictures(_open_report(run))}
    if name not in pictures:
        raise UsageError(
            f"run {run.number} has no picture {quote(name)}",
            expected=f"one of {', '.join(pictures)}",
            hint=MEASURED_BY.get(name) or suggest_name(name, pictures),
        )
    picture = pictures[name]
    return Plot(name, picture.title, picture_to_html(picture), picture.table.records)


def describe_run(run: Run) -> str:
    """Return verdict, gains and failed checks as a piece of HTML."""
    name = f"{run.recipe}, run {run.number}"
    if run.report is None:
        return f"<p><b>{escape(name)}</b>: {escape(run.summary)}</p>"
    from prunepack.stages.reporting.page.render import to_summary

    return to_summary(_open_report(run), name)


def _open_report(run: Run) -> Report:
    from prunepack.stages.reporting.report import Report

    return Report.model_validate(run.report)

"""The page as text, from its template."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from prunepack.stages.reporting.charts.gallery import draw_pictures
from prunepack.stages.reporting.page.cards import make_cards
from prunepack.stages.reporting.page.cautions import list_cautions
from prunepack.stages.reporting.page.groups import group_checks
from prunepack.stages.reporting.page.headline import describe_gain, describe_verdict
from prunepack.stages.reporting.page.template import open_template, replace_controls

if TYPE_CHECKING:
    from prunepack.stages.reporting.drawing.picture import Picture
    from prunepack.stages.reporting.report import Report

__all__ = ["picture_to_html", "to_html", "to_summary"]

STATES = {"passed": "good", "failed": "bad"}

COLORS = {"passed": "#1a7f37", "failed": "#b42318", "undecided": "#9a6700"}
"""Colors of a verdict where the style of the page does not reach."""

MOST_LAYERS = 300


def to_html(report: Report) -> str:
    """Return the page; the same report gives the same bytes."""
    layers = report.details.layers
    page = open_template("page.html.jinja").render(
        report=report,
        details=report.details,
        name=report.details.recipe or "release",
        state=STATES.get(report.verdict, "undecided"),
        advice=describe_verdict(report),
        gain=describe_gain(report),
        cards=make_cards(report),
        cautions=list_cautions(report),
        pictures={picture.name: picture for picture in draw_pictures(report)},
        groups=group_checks(report),
        layers=layers[:MOST_LAYERS],
        hidden_layers=len(layers) - MOST_LAYERS,
        artifact_bytes=_get_value(report, "size.artifact"),
        commands=_list_commands(report),
    )
    return replace_controls(page)


def picture_to_html(picture: Picture) -> str:
    """Return a page with one picture and its table."""
    return replace_controls(open_template("figure.html.jinja").render(picture=picture))


def to_summary(report: Report, name: str) -> str:
    """Return verdict, cards and failed checks as a piece of HTML for a notebook."""
    page = open_template("summary.html.jinja").render(
        report=report,
        name=name,
        color=COLORS.get(report.verdict, COLORS["undecided"]),
        cards=make_cards(report),
    )
    return replace_controls(page)


def _get_value(report: Report, name: str) -> float:
    metric = report.metrics.get(name)
    return 0.0 if metric is None else metric.value


def _list_commands(report: Report) -> list[str]:
    """Return the commands that make the release again, and that check its files."""
    recipe, version = report.details.recipe, report.details.versions.get("prunepack", "")
    install = f"pip install {shlex.quote(f'prunepack[build]=={version}')}" if version else ""
    run = f"prunepack run {shlex.quote(recipe)}" if recipe else ""
    check = "prunepack gate report.json"
    if "model.prunepack" in report.digests:
        check += " --artifact model.prunepack"
    return [line for line in (install, run, check) if line]

"""Page of sensitivity: curves of layers and suggested rules, in one file without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.reporting.charts.outcomes import draw_outcomes
from prunepack.stages.reporting.charts.sensitivity import draw_curves
from prunepack.stages.reporting.page.sensitivity_cautions import list_sensitivity_cautions
from prunepack.stages.reporting.page.template import open_template, replace_controls

if TYPE_CHECKING:
    from prunepack.stages.details.sensitivity import Sensitivity

__all__ = ["to_sensitivity_html"]

MOST_ROWS = 400


def to_sensitivity_html(measured: Sensitivity, name: str, rules: str) -> str:
    """Return the page; the same values give the same bytes.

    Args:
        measured: The values.
        name: The name of the recipe.
        rules: The suggested rules as TOML.
    """
    best = measured.suggestions[0]
    page = open_template("sensitivity.html.jinja").render(
        name=name,
        measured=measured,
        best=best,
        rules=rules,
        curves=draw_curves(measured, MOST_ROWS),
        outcomes=draw_outcomes(measured),
        cautions=list_sensitivity_cautions(measured),
        is_better=best.drop.value <= measured.magnitude.drop.value,
    )
    return replace_controls(page)

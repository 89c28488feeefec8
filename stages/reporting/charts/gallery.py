"""All pictures of a report, and their values as tables for other programs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from prunepack.stages.reporting.charts.limits import draw_limits
from prunepack.stages.reporting.charts.parity import draw_parity
from prunepack.stages.reporting.charts.ratios import draw_ratios
from prunepack.stages.reporting.charts.rounds import draw_rounds
from prunepack.stages.reporting.charts.sensitivity import draw_sensitivity
from prunepack.stages.reporting.charts.sizes import draw_sizes
from prunepack.stages.reporting.charts.structure import draw_structure
from prunepack.stages.reporting.charts.tradeoff import draw_tradeoff
from prunepack.stages.reporting.charts.weights import draw_histograms, draw_masks

if TYPE_CHECKING:
    from collections.abc import Callable

    from prunepack.stages.reporting.drawing.picture import Cell, Picture
    from prunepack.stages.reporting.report import Report

__all__ = ["draw_pictures", "to_plots"]

CHARTS: tuple[Callable[[Report], Picture | None], ...] = (
    draw_limits,
    draw_tradeoff,
    draw_rounds,
    draw_sizes,
    draw_structure,
    draw_sensitivity,
    draw_parity,
    draw_histograms,
    draw_masks,
    draw_ratios,
)
"""One function per picture, which returns None where the report has no data for it."""


def draw_pictures(report: Report) -> list[Picture]:
    """Return the pictures that the report has data for, in the order of the page."""
    drawn = (draw(report) for draw in CHARTS)
    return [picture for picture in drawn if picture is not None]


def to_plots(report: Report) -> dict[str, list[dict[str, Any]]]:
    """Return the tables behind the pictures: objects with plain values, one list per table.

    No two lists share a field, because DVC joins them row by row. Vega reads one list by
    ``format.property``.
    """
    pictures = draw_pictures(report)
    tables = {each.name: (each.plot or each.table).records for each in pictures}
    tables |= {"layers": [*_list_layers(report)]} if report.details.layers else {}
    return {
        name: [{key: _to_plain(cell) for key, cell in row.items()} for row in rows]
        for name, rows in tables.items()
    }


def _list_layers(report: Report) -> list[dict[str, Cell]]:
    return [
        {
            "layer": layer.name,
            "shape": "×".join(map(str, layer.shape)),
            "weights": layer.weights,
            "zeros": layer.zeros,
            "stored_bytes": layer.bytes,
        }
        for layer in report.details.layers
    ]


def _to_plain(cell: Cell) -> Cell:
    """Return a value that JSON can hold: NaN and infinity become null."""
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell

"""Weights of the largest layers: histograms before and after pruning, and maps of the masks."""

from __future__ import annotations

import math
import re
from itertools import zip_longest
from typing import TYPE_CHECKING

from prunepack.stages.reporting.drawing.picture import Mark, Picture, Row, Table
from prunepack.stages.reporting.drawing.words import format_percent, format_short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.stages.details.records import Histogram, Layer
    from prunepack.stages.reporting.report import Report

__all__ = ["draw_histograms", "draw_masks"]

HEIGHT = 64

BINS = ("weight_layer", "from_value", "to_value", "dense_count", "kept_count")
COUNTS = ("layer", "least_value", "greatest_value", "dense_per_bin", "remaining_per_bin")
BLOCKS = ("mask_layer", "row", "kept_per_block")


def draw_histograms(report: Report) -> Picture | None:
    """Draw the weights of each of the largest layers by value."""
    drawn = [(layer, layer.histogram) for layer in report.details.layers if layer.histogram]
    if not drawn:
        return None
    rows = (cells for layer, histogram in drawn for cells in _list_bins(layer, histogram))
    return Picture(
        name="histograms",
        title="Weights before and after",
        description="Number of weights by value, as its square root so that small numbers show; "
        "each layer has its own scale, and zeros are left out.",
        layout="tiles",
        rows=tuple(_draw_histogram(layer, histogram) for layer, histogram in drawn),
        table=Table(COUNTS, tuple(_list_counts(*each) for each in drawn)),
        plot=Table(BINS, tuple(rows)),
        legend=(("dense", "dense model"), ("artifact", "remaining weights")),
    )


def _list_counts(layer: Layer, histogram: Histogram) -> tuple[str | float | None, ...]:
    reach, pruned = histogram.reach, " ".join(map(str, histogram.pruned))
    return layer.name, -reach, reach, " ".join(map(str, histogram.dense)) or None, pruned


def _list_bins(layer: Layer, histogram: Histogram) -> list[tuple[str | float | None, ...]]:
    width = 2 * histogram.reach / max(len(histogram.pruned), 1)
    pairs = zip_longest(histogram.dense, histogram.pruned)
    return [
        (layer.name, width * i - histogram.reach, width * (i + 1) - histogram.reach, before, after)
        for i, (before, after) in enumerate(pairs)
    ]


def _draw_histogram(layer: Layer, histogram: Histogram) -> Row:
    highest = max((*histogram.dense, *histogram.pruned), default=0) or 1
    series = (("dense", histogram.dense), ("artifact", histogram.pruned))
    marks = (_draw_bars(kind, counts, highest) for kind, counts in series if any(counts))
    reach = format_short(histogram.reach)
    return Row(
        label=layer.name,
        marks=tuple(marks),
        detail=f"-{reach} to {reach}",
        height=HEIGHT,
        box=f"0 0 {max(len(histogram.pruned), 1)} {HEIGHT}",
    )


def _draw_bars(kind: str, counts: Sequence[int], highest: int) -> Mark:
    """Return one path with a bar per bin; a bin that is not empty is at least a pixel high."""
    heights = [max(round(HEIGHT * math.sqrt(n / highest)), 1) if n else 0 for n in counts]
    path = "".join(f"M{i} {HEIGHT}v-{h}h1v{h}z" for i, h in enumerate(heights) if h)
    return Mark("path", {"class": kind, "d": path})


def draw_masks(report: Report) -> Picture | None:
    """Draw the places of the remaining weights in the largest layers."""
    drawn = [layer for layer in report.details.layers if layer.mask]
    if not drawn:
        return None
    rows = ((layer.name, i, row) for layer in drawn for i, row in enumerate(layer.mask))
    return Picture(
        name="masks",
        title="Places of remaining weights",
        description="Weight matrices in blocks, outputs down, inputs across; darker keeps more.",
        layout="tiles",
        rows=tuple(map(_draw_mask, drawn)),
        table=Table(BLOCKS, tuple(rows)),
        note="In the table a digit stands for a block: 0 keeps nothing, 9 keeps all.",
    )


def _draw_mask(layer: Layer) -> Row:
    levels = sorted(set("".join(layer.mask)) - {"0"})
    kept = 100 * (layer.weights - layer.zeros) / max(layer.weights, 1)
    return Row(
        label=layer.name,
        marks=tuple(Mark("path", {"class": f"m{d}", "d": _trace(layer.mask, d)}) for d in levels),
        detail=f"{'×'.join(map(str, layer.shape))}, {format_percent(kept)} remain",
        height=max(4 * len(layer.mask), 24),
        box=f"0 0 {max(map(len, layer.mask))} {len(layer.mask)}",
    )


def _trace(rows: Sequence[str], digit: str) -> str:
    """Return a path over all blocks of one digit; neighbours in a row are one rectangle."""
    found = ((y, match) for y, row in enumerate(rows) for match in re.finditer(f"{digit}+", row))
    sizes = ((y, match.start(), match.end() - match.start()) for y, match in found)
    return "".join(f"M{x} {y}h{width}v1h-{width}z" for y, x, width in sizes)

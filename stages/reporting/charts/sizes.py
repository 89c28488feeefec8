"""Sizes of all forms in bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.reporting.drawing.picture import Picture, Row, Table, rect
from prunepack.stages.reporting.drawing.scale import Scale
from prunepack.stages.reporting.drawing.words import format_bytes, format_times

if TYPE_CHECKING:
    from prunepack.stages.reporting.report import Report

__all__ = ["draw_sizes"]

FORMS = {
    "state_dict": ("dense state dict", "dense"),
    "dense_onnx": ("dense ONNX", "dense"),
    "dense_onnx_zstd19": ("dense ONNX, zstd -19", "dense"),
    "onnx": ("pruned ONNX", "pruned"),
    "onnx_zstd19": ("pruned ONNX, zstd -19", "pruned"),
    "artifact": ("artifact", "artifact"),
}
"""Label and color of each size, in the order of the pipeline."""


def draw_sizes(report: Report) -> Picture | None:
    """Draw a bar for each form."""
    metrics = report.metrics
    sizes = {name: metrics[f"size.{name}"].value for name in FORMS if f"size.{name}" in metrics}
    if not sizes:
        return None
    dense = sizes.get("dense_onnx")
    ratios = {name: dense / size if dense and size else None for name, size in sizes.items()}
    scale = Scale(0.0, max(1.0, *sizes.values()))
    return Picture(
        name="sizes",
        title="Bytes",
        description="Size of each form; times smaller than the dense ONNX file.",
        layout="rows",
        rows=tuple(_draw_bar(name, size, ratios[name], scale) for name, size in sizes.items()),
        table=Table(
            ("form", "bytes", "times_smaller"),
            tuple((FORMS[name][0], size, ratios[name]) for name, size in sizes.items()),
        ),
    )


def _draw_bar(name: str, size: float, ratio: float | None, scale: Scale) -> Row:
    label, kind = FORMS[name]
    is_smaller = ratio is not None and ratio >= 1.005
    return Row(
        label=label,
        marks=(rect(kind, "0%", scale.place(size), 3, 16),),
        value=format_bytes(size),
        detail=f"{format_times(ratio)} smaller" if ratio is not None and is_smaller else "",
    )

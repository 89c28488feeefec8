"""Tables of trained models that are pruned without training, and of a large model by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.results import read_result
from benchmarks.tables.markdown import table
from benchmarks.tables.size import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["large_run_table", "real_models_table"]

GB = 1e9
LIMIT = 2.5
"""Most memory of a stage, as a multiple of the model's size."""

QUALITY = {
    "minilm": lambda row: (
        f"mean cosine {row['cosine']:.3f}, worst {row['worst_cosine']:.3f}, "
        f"rank correlation of pairs {row['spearman']:.3f}"
    ),
    "crepe": lambda row: f"{row['within_20_cents']:.1f} % of frames within 20 cents",
    "efficientnet_lite0": lambda row: (
        f"{row['agreement']:.1f} % same first class, mean cosine {row['cosine']:.3f}"
    ),
}


def real_models_table() -> str:
    """Return quality and time of each way to prune a trained model."""
    result = read_result("real_models")
    peaks = ", ".join(
        f"{NAMES[name_of(name)]} {result[name]['peak'] / GB:.1f} GB" for name in QUALITY
    )
    below = (
        f"Peak memory of all rows, the dense model among them: {peaks}. Times were measured on "
        f"{result['host']}; the machine was not idle."
    )
    rows = [line for name in QUALITY for line in _format_model(name, result[name])]
    return table(("", "pruned", "by", "beside the dense model", "time"), rows, below)


def _format_model(name: str, measured: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    for row in measured["rows"]:
        if row["method"] != "dense":
            sparsity = f"{row['sparsity']:.0f} % ({row['sparsity_of_all']:.0f} % of all)"
            quality = QUALITY[name](row)
            yield (
                NAMES[name_of(name)],
                sparsity,
                _describe(row),
                quality,
                f"{row['seconds']:.0f} s",
            )


def name_of(model: str) -> str:
    """Return the name of a built-in model among the models of the size tables."""
    return "crepe_full" if model == "crepe" else model


def _describe(row: dict[str, Any]) -> str:
    scope = "" if row["scope"] == "auto" else f", {row['scope']}"
    return f"`{row['method']}`{scope}" + (", `reconstruct`" if row["is_repaired"] else "")


def large_run_table() -> str:
    """Return the peak memory of each stage on the large model."""
    result = read_result("large_run")
    size = result["bytes"]
    rows = [
        (
            f"`{row['stage']}`",
            f"{row['own'] / GB:.1f} GB ({row['own'] / size:.2f}×)",
            f"{row['resident'] / GB:.1f} GB ({row['resident'] / size:.2f}×)",
            f"≤ {LIMIT}×",
            f"{row['seconds']:.0f} s",
        )
        for row in result["stages"]
    ]
    below = f"{size:,} bytes of weights. Measured on {result['host']}."
    header = ("stage", "own memory", "with mapped files", "target", "time")
    return table(header, rows, below)

"""Cautions: results that are bad and that no limit watches, and losses that are real."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import quote
from prunepack.stages.reporting.charts.ratios import describe_ratio, list_ratios
from prunepack.stages.reporting.drawing.words import format_bytes, format_short, format_times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prunepack.stages.reporting.report import Report

__all__ = ["list_cautions"]

MOST_LAYERS = 5


def list_cautions(report: Report) -> list[str]:
    """Return sentences on results that a verdict does not tell."""
    return [text for find in FINDERS for text in find(report)]


def _find_missing_limit(report: Report) -> Iterator[str]:
    if report.quality:
        yield f"The verdict does not cover the answers of the model: {report.quality}."


def _find_costs(report: Report) -> Iterator[str]:
    """Yield the costs that are higher than those of the dense model."""
    watched = {check.name for check in report.checks}
    for label, name, ratio in list_ratios(report):
        if describe_ratio(ratio)[0] == "more" and (ratio.low is not None or ratio.value > 1.05):
            end = "within its limit" if name in watched else "no limit watches it"
            times = format_times(ratio.value)
            yield f"{label.capitalize()}: {times} dense{_compare(report, name)}; {end}."


def _compare(report: Report, name: str) -> str:
    stem = name.removesuffix("ratio")
    pair = [report.metrics.get(f"{stem}{form}") for form in ("pruned", "dense")]
    if pair[0] is None or pair[1] is None:
        return ""
    pruned, dense = (
        format_bytes(m.value) if m.unit == "bytes" else f"{m.value:.3g} {m.unit}" for m in pair if m
    )
    return f" ({pruned} against {dense})"


def _find_real_loss(report: Report) -> Iterator[str]:
    """Yield a loss of accuracy whose interval does not hold 0, though the check passed."""
    drop = report.metrics.get("accuracy.drop")
    failed = {check.name for check in report.not_passed}
    if drop is None or drop.low is None or drop.low <= 0 or "accuracy.drop" in failed:
        return
    names = ("accuracy.lost", "accuracy.gained", "accuracy.mcnemar")
    lost, gained, p = (report.metrics.get(name) for name in names)
    text = "The loss of accuracy is real: its interval does not hold 0"
    if lost and gained and p:
        text += f" ({lost.value:.0f} answers lost, {gained.value:.0f} gained, "
        text += f"McNemar p = {format_short(p.value)})"
    yield f"{text}."


def _find_no_gain_in_speed(report: Report) -> Iterator[str]:
    sparsity = report.metrics.get("sparsity.weights")
    speeds = [m for _, name, m in list_ratios(report) if "batch" in name]
    is_faster = any(describe_ratio(metric)[0] == "less" for metric in speeds)
    if sparsity is not None and sparsity.value >= 50 and speeds and not is_faster:
        yield "Zeros do not make the dense kernels of onnxruntime faster: the gain is in bytes."


def _find_empty_layers(report: Report) -> Iterator[str]:
    empty = [layer.name for layer in report.details.layers if layer.zeros == layer.weights > 0]
    if empty:
        listed = ", ".join(map(quote, empty[:MOST_LAYERS])) + (", …" if empty[MOST_LAYERS:] else "")
        yield f"Layers without any remaining weight: {listed}."


def _find_exemptions(report: Report) -> Iterator[str]:
    """Yield what the settings of the gate let pass."""
    if report.gate.skip:
        yield f"Checks left out by gate.skip: {', '.join(report.gate.skip)}."
    relaxed = [check.name for check in report.checks if check.replaces is not None]
    if relaxed:
        yield f"Built-in limits relaxed for {', '.join(relaxed)}."
    tolerated = [c.name for c in report.checks if c.outcome == "undecided" and c.passed]
    if tolerated:
        yield f"Undecided, and allowed to pass: {', '.join(tolerated)}."


FINDERS: tuple[Callable[[Report], Iterator[str]], ...] = (
    _find_missing_limit,
    _find_costs,
    _find_real_loss,
    _find_no_gain_in_speed,
    _find_empty_layers,
    _find_exemptions,
)
"""Kinds of cautions, the gravest first."""

"""First lines of the page: the verdict and its reasons, the gain in one sentence, and cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.reporting.charts.quality import find_quality
from prunepack.stages.reporting.charts.ratios import describe_ratio, list_ratios
from prunepack.stages.reporting.drawing.words import format_short, format_times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.metrics.metric import Metric
    from prunepack.stages.reporting.report import Report

__all__ = ["describe_gain", "describe_verdict", "find_sparse_ratio", "find_speed"]


@dataclass(frozen=True, slots=True)
class Speed:
    """Latency of the smallest batch.

    Attributes:
        label: The batch, such as ``batch 1``.
        stem: The start of the names of its metrics.
        ratio: Time of the pruned model divided by that of the dense one.
    """

    label: str
    stem: str
    ratio: Metric


def find_speed(report: Report) -> Speed | None:
    """Return the first latency of inference; None if none was measured."""
    for label, name, ratio in list_ratios(report):
        if name.startswith("latency.batch"):
            return Speed(label.removeprefix("inference, "), name.removesuffix("ratio"), ratio)
    return None


def find_sparse_ratio(report: Report, speed: Speed) -> Metric | None:
    """Return the same ratio for a session on sparse kernels; None if it was not measured."""
    return report.metrics.get(f"{speed.stem.replace('latency.', 'latency.sparse.', 1)}ratio")


def describe_verdict(report: Report) -> str:
    """Return the verdict as advice, with the number of checks behind it."""
    total = len(report.checks)
    counts = {word: sum(c.outcome == word for c in report.checks) for word in ("failed", "passed")}
    open_ones = total - sum(counts.values())
    if report.verdict == "nothing was checked":
        return "Nothing was checked, so nothing speaks for this release."
    if report.verdict == "failed":
        return f"Do not deploy it: {counts['failed']} of {total} checks failed."
    if report.verdict == "undecided":
        return f"Not decided: {open_ones} of {total} checks need more samples."
    if open_ones:
        return f"{counts['passed']} of {total} checks passed; {open_ones} undecided, as allowed."
    return f"All {total} checks passed."


def describe_gain(report: Report) -> str:
    """Return size, quality and speed of the pruned model beside the dense one, in a sentence."""
    parts = [*_describe_size(report), *_describe_loss(report), *_describe_speed(report)]
    if not parts:
        return "There is no dense model to compare with."
    subject = "artifact" if "size.artifact" in report.metrics else "pruned model"
    listed = ", ".join(parts[:-1]) + (" and " if parts[1:] else "") + parts[-1]
    return f"Beside the dense model, the {subject} {listed}."


def _describe_size(report: Report) -> Iterator[str]:
    ratio = report.metrics.get("size.ratio")
    if ratio is None:
        return
    if ratio.value >= 1.005:
        yield f"is {format_times(ratio.value).removesuffix('×')} times smaller"
    else:
        yield "is not smaller"


def _describe_loss(report: Report) -> Iterator[str]:
    quality = find_quality(report)
    if quality is not None and quality.drop is not None:
        drop = quality.drop
        word = "loses" if drop.value > 0 else "gains"
        what = "points of accuracy" if quality.name == "accuracy" else "of its metric"
        amount = f"{word} {format_short(abs(drop.value))} {what}"
        yield amount if drop.value else f"loses nothing {what.partition(' ')[2]}"
    elif "similarity.mean_cosine" in report.metrics:
        cosine = report.metrics["similarity.mean_cosine"].value
        yield f"answers with a mean cosine similarity of {cosine:.4g}"


def _describe_speed(report: Report) -> Iterator[str]:
    speed = find_speed(report)
    if speed is None:
        return
    direction, _ = describe_ratio(speed.ratio)
    value = speed.ratio.value
    if direction == "less":
        yield f"is {format_times(1 / value).removesuffix('×')} times faster at {speed.label}"
    elif direction == "more":
        yield f"is {format_times(value).removesuffix('×')} times slower at {speed.label}"
    else:
        yield f"is equally fast at {speed.label}"
    sparse = find_sparse_ratio(report, speed)
    if sparse is not None and describe_ratio(sparse)[0] == "less":
        times = format_times(1 / sparse.value).removesuffix("×")
        yield f"is {times} times faster on sparse kernels"

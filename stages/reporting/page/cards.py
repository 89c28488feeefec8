"""Cards of the page: quality, size, speed, and agreement of the forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.reporting.charts.quality import find_quality
from prunepack.stages.reporting.charts.ratios import describe_ratio
from prunepack.stages.reporting.drawing.words import format_bytes, format_short, format_times
from prunepack.stages.reporting.page.headline import find_sparse_ratio, find_speed
from prunepack.stages.reporting.wording import format_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.stages.metrics.metric import Metric
    from prunepack.stages.reporting.report import Report

__all__ = ["Card", "make_cards"]

STATES = {"failed": "bad", "undecided": "undecided"}

NOTHING = "not measured"

FOUND = {"less": "faster", "more": "slower"}


@dataclass(frozen=True, slots=True)
class Card:
    """One number that decides on a deployment.

    Attributes:
        label: Its name.
        value: The number, with its unit.
        lines: Smaller texts below: the dense model, the difference.
        state: ``bad`` or ``undecided`` if a check of the subject did not pass; else empty.
    """

    label: str
    value: str
    lines: tuple[str, ...]
    state: str = ""


def make_cards(report: Report) -> tuple[Card, ...]:
    """Return the four cards."""
    return (_card_quality(report), _card_size(report), _card_speed(report), _card_same(report))


def _find_state(report: Report, *starts: str) -> str:
    """Return the worst outcome among the checks whose names begin with one of ``starts``."""
    missed = [check for check in report.not_passed if check.name.startswith(starts)]
    return STATES[missed[0].outcome] if missed else ""


def _card_quality(report: Report) -> Card:
    state = _find_state(report, "accuracy.", "metric.", "similarity.", "agreement.")
    quality = find_quality(report)
    if quality is None:
        cosine = report.metrics.get("similarity.mean_cosine")
        value = NOTHING if cosine is None else f"{cosine.value:.4g}"
        lines = () if cosine is None else ("mean cosine similarity to the dense model",)
        return Card("Accuracy" if cosine is None else "Similarity", value, lines, state)
    known = () if quality.dense is None else (f"dense {_write(quality.dense)}",)
    loss = () if quality.drop is None else (_describe_drop(quality.drop),)
    return Card(quality.name.capitalize(), _write(quality.after), (*known, *loss), state)


def _write(metric: Metric) -> str:
    return f"{metric.value:.2f} %" if metric.unit == "%" else format_number(metric.value)


def _describe_drop(drop: Metric) -> str:
    unit = f" {drop.unit}" if drop.unit else ""
    text = f"{'lost' if drop.value >= 0 else 'gained'} {format_short(abs(drop.value))}{unit}"
    if drop.low is None or drop.high is None:
        return text
    low, high = (f"{end:.2f}" for end in (drop.low, drop.high))
    return f"{text} [{low} to {high}]"


def _card_size(report: Report) -> Card:
    metrics = report.metrics
    size = metrics.get("size.artifact", metrics.get("size.onnx"))
    lines = []
    if "size.dense_onnx" in metrics:
        lines.append(f"dense ONNX {format_bytes(metrics['size.dense_onnx'].value)}")
    if "size.ratio" in metrics:
        lines.append(f"{format_times(metrics['size.ratio'].value)} smaller")
    if "size.onnx_zstd19" in metrics and "size.artifact" in metrics:
        lines.append(f"zstd -19 {format_bytes(metrics['size.onnx_zstd19'].value)}")
    value = NOTHING if size is None else format_bytes(size.value)
    return Card("Size", value, tuple(lines), _find_state(report, "size.", "sparsity."))


def _card_speed(report: Report) -> Card:
    state, speed = _find_state(report, "latency.", "memory."), find_speed(report)
    if speed is None:
        return Card("Latency", NOTHING, (), state)
    times = [report.metrics.get(f"{speed.stem}{form}") for form in ("pruned", "dense")]
    found = describe_ratio(speed.ratio)[0]
    lines = [f"the time of dense, {FOUND.get(found, found)}"]
    if times[0] is not None and times[1] is not None:
        lines.append(f"{times[0].value:.3g} against {times[1].value:.3g} {times[0].unit}")
    sparse = find_sparse_ratio(report, speed)
    if sparse is not None:
        lines.append(f"{format_times(sparse.value)} on sparse kernels")
    label = f"Latency, {speed.label}"
    return Card(label, format_times(speed.ratio.value), tuple(lines), state)


def _has_form(form: str, metrics: Mapping[str, Metric]) -> bool:
    found = metrics.get(f"forms.{form}")
    return found is not None and found.value > 0


def _card_same(report: Report) -> Card:
    metrics = report.metrics
    samples = metrics.get("parity.torch_onnx.samples", metrics.get("parity.session.samples"))
    state = _find_state(report, "parity.", "runtime.", "torch.")
    if samples is None:
        return Card("Same answers", NOTHING, (), state)
    pairs = ("torch_onnx.beyond_tolerance", "session.differing_values", "sparse.beyond_tolerance")
    names = [f"parity.{pair}" for pair in pairs]
    differing = sum(metrics[name].value for name in names if name in metrics)
    forms = {"pruned": "torch", "onnx": "ONNX", "artifact": "artifact", "sparse": "sparse kernels"}
    present = [word for form, word in forms.items() if _has_form(form, metrics)]
    lines: tuple[str, ...] = ("samples", " = ".join(present))
    if differing or state:
        lines = ("samples", f"{format_number(differing)} values differ")
    return Card("Same answers", format_number(samples.value), lines, state)

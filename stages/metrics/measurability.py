"""Forms that metrics need: a model without torch has none of the metrics of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.stages.metrics.metric import Metric

__all__ = ["BY_FRESH_EXPORT", "is_measurable"]

NEEDED_FORMS = {
    "parity.torch_onnx.": ("pruned", "onnx"),
    "parity.graph.": ("pruned", "onnx"),
    "parity.interface.": ("onnx",),
    "parity.weights.changed_values": ("pruned", "onnx"),
    "parity.weights.unaccounted": ("pruned", "onnx"),
    "parity.weights.": ("onnx", "artifact"),
    "parity.session.": ("onnx", "artifact"),
    "parity.sparse.": ("sparse",),
    "torch.": ("pruned",),
}
"""The forms that a metric compares, by the beginning of its name."""

OPTIONAL_FORM = "sparse"
"""A form that a report does not have if it does not name it."""

NEEDED_DATA = ("accuracy.drop", "data.changed_samples", "data.test_in_train")
"""Metrics that need labels, or another part of the data that a user may not have."""

BY_FRESH_EXPORT = ("parity.graph.unexplained_nodes", "parity.weights.unaccounted")
"""Metrics that need a fresh export, which not every file can have."""

SIMILARITY, FILES = "similarity.", "parity.files."
"""Comparisons of two ONNX files: a dense and a pruned one, or two of the same model."""


def is_measurable(name: str, metrics: Mapping[str, Metric]) -> bool:
    """Return whether the release has the forms and the data that the metric ``name`` needs.

    ``metrics`` has ``forms.FORM`` for each form; a report without these is about all forms.
    """
    if name.startswith((SIMILARITY, FILES)):
        same = any(metric.startswith(FILES) for metric in metrics)
        has_files = "forms.dense" in metrics and not _has_form("pruned", metrics)
        return has_files and _has_form("dense", metrics) and same == name.startswith(FILES)
    if name in NEEDED_DATA:
        return name in metrics or not metrics
    if name in BY_FRESH_EXPORT and _is_zero("parity.graph.compared", metrics):
        return False
    needed = next((forms for start, forms in NEEDED_FORMS.items() if name.startswith(start)), ())
    return all(_has_form(form, metrics) for form in needed)


def _has_form(form: str, metrics: Mapping[str, Metric]) -> bool:
    name = f"forms.{form}"
    if form == OPTIONAL_FORM and metrics and name not in metrics:
        return False
    return not _is_zero(name, metrics)


def _is_zero(name: str, metrics: Mapping[str, Metric]) -> bool:
    found = metrics.get(name)
    return found is not None and found.value == 0

"""Kinds of labels: classes, flags and targets, read against the output that answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from prunepack.errors import RefusedError
from prunepack.stages.contract.progress import remark
from prunepack.stages.data.casting import cast_exactly, find_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.stages.contract.arrays import Array

__all__ = ["IGNORED", "Kind", "LabelReader"]

IGNORED = -100
"""The label of positions that are left out, as in torch."""

Kind = Literal["classes", "flags", "targets"]
"""Classes are numbers, flags are zeros and ones, targets are values."""

KINDS: tuple[Kind, ...] = ("classes", "flags", "targets")

OWN_METRIC = "name a metric of your own in verify.metric"
"""The remedy for labels that no metric of ours takes."""


@dataclass(frozen=True, slots=True)
class LabelReader:
    """The reading of labels that the first batch decides, for all batches.

    Attributes:
        kind: Whether labels are classes, flags or targets.
        axis: The axis of the answer that holds one value per class.
        one_hot: Whether classes are written as rows of zeros with a single 1.
        name: The source of the labels, for messages.
        remedy: The advice for labels of any other kind.
    """

    kind: Kind
    axis: int
    one_hot: bool
    name: str
    remedy: str = OWN_METRIC

    @classmethod
    def choose(
        cls,
        labels: Array,
        shape: Sequence[int],
        name: str,
        wanted: Sequence[Kind] = KINDS,
        remedy: str = OWN_METRIC,
    ) -> LabelReader:
        """Return the reading of labels for an answer of ``shape``, and tell an assumption.

        Args:
            labels: The labels of the first batch.
            shape: The shape of the output that answers.
            name: The source of the labels.
            wanted: The kinds that a metric or a loss takes, the preferred one first.
            remedy: The advice for labels of any other kind.

        Raises:
            RefusedError: If the labels do not fit the answer.
        """
        shape = tuple(shape)
        axis = _find_class_axis(labels, shape)
        same = labels.size == int(np.prod(shape))
        one_hot = axis is None and labels.shape == shape and shape[1:] > (1,) and _is_hot(labels)
        possible = {
            "classes": one_hot or (axis is not None and find_loss(labels, "int64") is None),
            "flags": same and _is_binary(labels),
            "targets": same,
        }
        kind = next((kind for kind in wanted if possible[kind]), None)
        if kind is None:
            raise _refuse(labels, shape, name, wanted, remedy)
        _tell(labels, kind, one_hot=one_hot)
        return cls(kind, 1 if axis is None else axis, one_hot and kind == "classes", name, remedy)

    def read(self, labels: Array, shape: Sequence[int]) -> Array:
        """Return labels of one batch for an answer of ``shape``.

        Classes are int64 without the class axis, flags bool and targets floats of ``shape``.

        Raises:
            RefusedError: If they do not fit the answer.
        """
        shape = tuple(shape)
        if self.kind == "classes":
            return self._read_classes(labels, shape)
        if labels.size != int(np.prod(shape)):
            raise _refuse(labels, shape, self.name, (self.kind,), self.remedy)
        values = labels.reshape(shape)
        if self.kind == "targets":
            return self._cast(values, "float64")
        if not _is_binary(values):
            raise self._refuse_values(values, "zeros and ones", f"Give flags, or {self.remedy}")
        return values.astype(bool)

    def _read_classes(self, labels: Array, shape: tuple[int, ...]) -> Array:
        rest, count = shape[: self.axis] + shape[self.axis + 1 :], shape[self.axis]
        if self.one_hot:
            if labels.shape != shape or not _is_hot(labels):
                raise self._refuse_values(
                    labels, "one 1 per sample, as in the first batch", self.remedy.capitalize()
                )
            return np.asarray(labels.argmax(1))
        if labels.size != int(np.prod(rest)):
            raise _refuse(labels, shape, self.name, (self.kind,), self.remedy)
        classes = self._cast(labels, "int64").reshape(rest)
        counted = classes[classes != IGNORED]
        if counted.size and (counted.min() < 0 or counted.max() >= count):
            raise self._refuse_values(
                counted,
                f"whole numbers from 0 to {count - 1}",
                f"Count classes from 0, or {self.remedy}",
            )
        if len(counted) < classes.size:
            remark(f"labels of {IGNORED} are left out")
        return classes

    def _cast(self, labels: Array, dtype: str) -> Array:
        subject = f"the labels of {self.name} do not fit the model"
        return cast_exactly(labels, dtype, subject, f"Give labels in {dtype}, or {self.remedy}")

    def _refuse_values(self, labels: Array, expected: str, hint: str) -> RefusedError:
        return RefusedError(
            f"the labels of {self.name} do not fit the model",
            expected=expected,
            found=f"{labels.min()} to {labels.max()}",
            hint=hint,
        )


def _find_class_axis(labels: Array, shape: tuple[int, ...]) -> int | None:
    """Return the axis of the answer that the labels lack, or have in size 1.

    Tokens (n, t, c) have the classes last, a map of classes (n, c, h, w) after the batch.
    """
    axes = [1, len(shape) - 1] if len(shape) > 3 else [len(shape) - 1, 1]
    found = [axis for axis in dict.fromkeys(axes) if _lacks_axis(labels.shape, shape, axis)]
    if len(found) > 1:
        remark(f"the classes are taken on axis {found[0]} of the answer {list(shape)}")
    return found[0] if found else None


def _lacks_axis(given: tuple[int, ...], shape: tuple[int, ...], axis: int) -> bool:
    if not 0 < axis < len(shape) or shape[axis] < 2:
        return False
    before, after = shape[:axis], shape[axis + 1 :]
    return given in {(*before, *after), (*before, 1, *after)}


def _is_binary(labels: Array) -> bool:
    return labels.dtype == bool or bool(((labels == 0) | (labels == 1)).all())


def _is_hot(labels: Array) -> bool:
    return labels.ndim == 2 and _is_binary(labels) and bool((labels.sum(1) == 1).all())


def _tell(labels: Array, kind: Kind, *, one_hot: bool) -> None:
    """Tell how labels are read where their dtype or shape leaves a choice."""
    if kind == "classes" and one_hot:
        remark("labels are one-hot: taken as classes")
    elif kind == "classes" and labels.dtype.kind == "f":
        remark(f"labels are whole numbers in {labels.dtype}: taken as classes")
    elif kind == "flags":
        remark("labels are zeros and ones, one per value of the answer: taken as flags")
    elif kind == "targets" and labels.dtype.kind in "iub":
        remark(f"labels are {labels.dtype}, one per value of the answer: taken as targets")


def _refuse(
    labels: Array, shape: tuple[int, ...], name: str, wanted: Sequence[Kind], remedy: str
) -> RefusedError:
    """Return the error for labels whose shape or dtype does not fit the answer."""
    rest = [*shape[:1], *shape[2:]] if len(shape) > 3 else [*shape[:-1]]
    forms = {
        "classes": f"whole numbers of the shape {rest}",
        "flags": f"zeros and ones of the shape {list(shape)}",
        "targets": f"numbers of the shape {list(shape)}",
    }
    forms = {kind: text for kind, text in forms.items() if kind in wanted}
    return RefusedError(
        f"the labels of {name} do not fit the model",
        expected=f"{' or '.join(forms.values())}, for an answer of {list(shape)}",
        found=f"{labels.dtype}{list(labels.shape)}",
        hint="Return the number of each class: np.unique(labels, return_inverse=True)[1]"
        if labels.dtype.kind in "OSU"
        else f"Name the output that answers in verify.answer, or {remedy}",
    )

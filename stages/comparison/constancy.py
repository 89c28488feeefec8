"""Constancy of the outputs: a dead model gives the same answer to every input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.comparison.forms import Form, FormOutputs
    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.inputs.batches import InputBatch

__all__ = ["Constancy"]

ROUNDING = 1e-6
"""Relative difference that the order of additions alone may cause."""


@dataclass(slots=True)
class Constancy:
    """Outputs of one form that are the same for different inputs.

    Attributes:
        form: The form to deploy.
        group: The first part of the metric's name.
    """

    form: Form
    group: str
    _inputs: dict[tuple[object, ...], Array] = field(default_factory=dict)
    _first: dict[tuple[object, ...], Array] = field(default_factory=dict)
    _equal: dict[str, int] = field(default_factory=dict)
    _varying: set[str] = field(default_factory=set)
    _are_different: bool = False
    _has_samples: bool = False

    def add(self, batch: InputBatch, outputs: FormOutputs) -> None:
        """Compare the outputs for a batch with the first ones of the same shape."""
        given = outputs.get(self.form, {})
        self._has_samples |= bool(batch.source)
        if not self._are_different:
            self._are_different = _find_change(batch.arrays, batch.count, self._inputs)
        for name, array in given.items():
            if name not in self._varying:
                self._compare(name, array, batch.count)

    def _compare(self, name: str, array: Array, count: int) -> None:
        """Compare the rows of one output until one varies."""
        self._equal.setdefault(name, 0)
        for key, row in _list_rows(name, array, count):
            if key not in self._first:
                self._first[key] = row.copy()
            elif _is_close(self._first[key], row):
                self._equal[name] += 1
            else:
                self._varying.add(name)
                return

    def metrics(self) -> Metrics:
        """Return the number of constant outputs if every output is constant, else 0.

        Some outputs are constant by design, and whole numbers may be the same for all random
        inputs, so that only samples show that they do not depend on the input.
        """
        constant = [n for n, count in self._equal.items() if count and n not in self._varying]
        is_dead = len(constant) == len(self._equal) and self._are_different and self._can_judge()
        count = len(constant) if is_dead else 0
        return {
            f"{self.group}.constant_outputs": Metric(count, "outputs", note=", ".join(constant[:5]))
        }

    def _can_judge(self) -> bool:
        return self._has_samples or any(row.dtype.kind in "fc" for row in self._first.values())


def _list_rows(name: str, array: Array, count: int) -> Iterator[tuple[tuple[object, ...], Array]]:
    """Yield each sample's part of an array, or the whole without a batch axis, and its key."""
    rows = array if array.shape[:1] == (count,) else array[None]
    for row in rows:
        yield (name, row.shape, array.dtype.str), np.asarray(row)


def _find_change(arrays: Arrays, count: int, known: dict[tuple[object, ...], Array]) -> bool:
    """Return whether an input differs from the first one of its name and shape."""
    return any(
        not np.array_equal(known.setdefault(key, row.copy()), row)
        for name, array in arrays.items()
        for key, row in _list_rows(name, array, count)
    )


def _is_close(known: Array, row: Array) -> bool:
    if known.dtype.kind not in "fc":
        return bool(np.array_equal(known, row))
    scale = float(np.nanmax(np.abs(known), initial=0.0))
    if not np.isfinite(scale):
        return bool(np.array_equal(known, row, equal_nan=True))
    return bool(np.allclose(known, row, rtol=ROUNDING, atol=ROUNDING * scale, equal_nan=True))

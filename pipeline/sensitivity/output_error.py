"""Squared error of the outputs of a pruned model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from prunepack.stages.contract.arrays import Array

__all__ = ["OutputError"]


class OutputError:
    """Squared error from the dense outputs, relative to their variance, batch by batch.

    The variance is the mean square of each element of the output about its mean over the samples.
    """

    def __init__(self) -> None:
        self._squares = self._energy = 0.0
        self._sum: Array | float = 0.0
        self._count = 0

    def add(self, dense: Array | None, pruned: Array | None) -> None:
        """Add the outputs (n, …) of one batch; an output that is missing has an infinite error."""
        if dense is None or pruned is None or dense.shape != pruned.shape:
            self._squares = float("inf")
            return
        first = dense.astype(np.float64)
        self._squares += float(((pruned - first) ** 2).sum())
        self._energy += float((first**2).sum())
        self._count += len(first) if first.ndim else 1
        self._sum = self._sum + first.sum(0) if first.ndim else self._sum

    @property
    def value(self) -> float:
        """The error of all batches; 0 for equal outputs, NaN if an output is NaN."""
        about = float((np.asarray(self._sum) ** 2).sum()) / max(self._count, 1)
        spread = self._energy - about
        return self._squares / spread if spread > 0 else self._squares

"""Channels: the indices of all axes of all tensors, and those that stay or go together.

A channel is one index of one axis of one tensor. The rules of the operators join channels that can
only be removed together, such as an output channel of a convolution with its bias and with the
input channel of the next one. A channel that no rule of a node mentions is pinned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir

    from prunepack.stages.compacting.contraction import Contraction

__all__ = ["NUMBERS", "Channels", "Ids", "read_constant", "size_of"]

Ids = npt.NDArray[np.int64]
"""Numbers of channels."""

NUMBERS = "fiubV"
"""Kinds of NumPy dtypes that are numbers, with those of ml_dtypes."""

NONE: Ids = np.zeros(0, np.int64)


def size_of(value: onnx_ir.Value, axis: int) -> int | None:
    """Return the size of an axis; None if it is dynamic or unknown."""
    size = value.shape[axis] if value.shape is not None else None
    return size if isinstance(size, int) else None


def read_constant(value: onnx_ir.Value | None) -> npt.NDArray[np.generic] | None:
    """Return the array of an initializer; None if the value is computed, or may be overridden."""
    if value is None or value.const_value is None or not value.is_initializer():
        return None
    return None if value.is_graph_input() else value.const_value.numpy()


@dataclass(slots=True)
class Channels:
    """All channels of a graph, numbered.

    Attributes:
        size: The number of channels.
        contractions: The sums over channels: convolutions and products of matrices.
        known: For each channel, whether it is constant: one number at all positions, for all
            inputs.
        numbers: The constants, where ``known``.
    """

    size: int = 0
    contractions: dict[onnx_ir.Node, Contraction] = field(default_factory=dict)
    known: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    numbers: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    _firsts: dict[tuple[onnx_ir.Value, int], int] = field(default_factory=dict)
    _pairs: list[tuple[Ids, Ids]] = field(default_factory=list)
    _pinned: list[Ids] = field(default_factory=list)
    _touched: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    def add(self, value: onnx_ir.Value) -> None:
        """Number the channels of a tensor; a dynamic axis has none."""
        for axis in range(0 if value.shape is None else value.shape.rank()):
            if (value, axis) not in self._firsts and (size := size_of(value, axis)):
                self._firsts[value, axis] = self.size
                self.size += size

    def close(self) -> None:
        """Prepare for the joins, after the last tensor is numbered."""
        self.known, self.numbers = np.zeros(self.size, bool), np.zeros(self.size)
        self._touched = np.zeros(self.size, bool)

    def ids(self, value: onnx_ir.Value | None, axis: int) -> Ids:
        """Return the channels of an axis; none of a missing tensor or a dynamic axis."""
        if value is None or value.shape is None:
            return NONE
        first = self._firsts.get((value, axis % max(value.shape.rank(), 1)))
        if first is None:
            return NONE
        return np.arange(first, first + int(value.shape[axis]), dtype=np.int64)  # type: ignore[arg-type]

    def all_ids(self, value: onnx_ir.Value) -> Iterable[Ids]:
        """Yield the channels of each axis of a tensor."""
        for axis in range(0 if value.shape is None else value.shape.rank()):
            yield self.ids(value, axis)

    def axes(self) -> Iterable[tuple[onnx_ir.Value, int, Ids]]:
        """Yield every numbered axis with its channels."""
        for value, axis in self._firsts:
            yield value, axis, self.ids(value, axis)

    def join(self, first: Ids, second: Ids) -> None:
        """Let two axes of one size keep the same channels; others are ignored."""
        if len(first) == len(second) > 0:
            self._pair(first, second)

    def join_blocks(self, first: Ids, second: Ids) -> None:
        """Join two axes that cut one range into equal parts: channels that overlap."""
        if not len(first) or not len(second):
            return
        steps = np.arange(np.lcm(len(first), len(second)))
        self._pair(*(ids[steps * len(ids) // len(steps)] for ids in (first, second)))

    def _pair(self, first: Ids, second: Ids) -> None:
        self._pairs.append((first, second))
        self._touched[first] = self._touched[second] = True

    def touch(self, ids: Ids) -> None:
        """Let channels be free, although a node reads their tensor."""
        self._touched[ids] = True

    def pin(self, ids: Ids) -> None:
        """Let channels stay."""
        self._pinned.append(ids)

    def take_pairs(self, since: int) -> list[tuple[Ids, Ids]]:
        """Return the pairs that were joined from number ``since`` on."""
        return self._pairs[since:]

    @property
    def count_pairs(self) -> int:
        """The number of joined pairs of axes."""
        return len(self._pairs)

    def pin_untouched(self, values: Iterable[onnx_ir.Value | None]) -> None:
        """Pin the channels of tensors that no rule has joined since the last call."""
        for ids in [ids for value in values if value is not None for ids in self.all_ids(value)]:
            self.pin(ids[~self._touched[ids]])
        self._touched[:] = False

    def label(self) -> tuple[Ids, npt.NDArray[np.bool_]]:
        """Return the group of each channel, and for each group whether it is pinned."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        pairs = [(NONE, NONE), *self._pairs]
        left, right = (np.concatenate(side) for side in zip(*pairs, strict=True))
        edges = coo_array((np.ones(len(left), bool), (left, right)), (self.size, self.size))
        count, labels = connected_components(edges, directed=False)
        pinned = np.zeros(count, bool)
        pinned[labels[np.concatenate([NONE, *self._pinned])]] = True
        return labels.astype(np.int64), pinned

"""Contractions: nodes whose outputs are sums over channels, such as Conv, Gemm and MatMul."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from prunepack.stages.compacting.channels import Channels, Ids

__all__ = ["Contraction"]


@dataclass(slots=True)
class Contraction:
    """A sum over channels: each output channel reads the input channels of its group.

    Attributes:
        data: The channels that are summed over, of shape (groups, inputs).
        outputs: The output channels, of shape (groups, outputs).
        weights: The constant factors, of shape (groups, outputs, inputs, taps). None if both
            operands are computed: then every output reads every input.
        other: The channels of the other operand, where both are computed.
        bias: The bias of each output channel, of shape (groups, outputs); None if it is computed.
        covers: Whether every position has all taps. Padding breaks it: near the border, a
            constant channel contributes less, so that its contribution is a map.
        can_carry: Whether the factors of one channel can be changed.
        carrier: A constant channel of the data that takes the contributions of all others over:
            their maps are multiples of one map for each pair of tap and output; -1 without one.
    """

    data: Ids
    outputs: Ids
    weights: npt.NDArray[np.generic] | None = None
    other: Ids | None = None
    bias: npt.NDArray[np.float64] | None = None
    covers: bool = True
    can_carry: bool = False
    carrier: int = -1
    _touches: npt.NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        weights = np.ones((1, 1, 1, 1)) if self.weights is None else self.weights
        self._touches = np.asarray(np.any(weights != 0, -1))

    def find_read(self, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return which of the ``data`` the outputs in ``kept`` read, of the shape of ``data``."""
        alive = kept[self.outputs][:, :, None] if self.outputs.size else np.ones((1, 1, 1), bool)
        return np.asarray((self._touches & alive).any(1))

    def find_absorbed(self, channels: Channels) -> npt.NDArray[np.bool_]:
        """Return which of the ``data`` are constants whose contribution a bias can hold."""
        known, zero = _find_constants(channels, self.data)
        if self.weights is None:
            assert self.other is not None, "the rules give it"
            return zero | _find_constants(channels, self.other)[1]
        if self.carrier >= 0:
            zero |= known
            zero[0, self.carrier] = False
        return known if self.covers else zero

    def choose_carrier(self, channels: Channels) -> Ids:
        """Choose the largest constant as the carrier if it can serve others, and return it."""
        if not self.can_carry or self.covers:
            return self.data[0, :0]
        known, zero = _find_constants(channels, self.data)
        useful = (known & ~zero & self._touches.any(1))[0]
        if useful.sum() < 2:
            return self.data[0, :0]
        sizes = np.where(useful, np.abs(channels.numbers[self.data[0]]), -1.0)
        self.carrier = int(sizes.argmax())
        return self.data[0, self.carrier : self.carrier + 1]

    def merge_into_carrier(
        self, channels: Channels, dead: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.generic] | None:
        """Return the factors, (outputs, inputs, taps), with those of ``dead`` data in the carrier.

        None if there is nothing to add.
        """
        numbers = channels.numbers[self.data[0]]
        others = dead[self.data[0]] & channels.known[self.data[0]] & (numbers != 0)
        if self.carrier < 0 or self.weights is None or not others.any():
            return None
        merged: npt.NDArray[Any] = np.array(self.weights[0])
        ratios = numbers[others] / numbers[self.carrier]
        added = np.einsum("oit,i->ot", self.weights[0][:, others].astype(np.float64), ratios)
        merged[:, self.carrier] += added.astype(merged.dtype)
        return merged

    def sum_constants(
        self, channels: Channels, chosen: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float64]:
        """Return the contribution of the constants ``chosen`` of the data to each output."""
        total = np.zeros(self.outputs.shape)
        if self.weights is None:
            return total
        for group, inputs in enumerate(chosen & (channels.numbers[self.data] != 0)):
            if inputs.any():
                gains = self.weights[group][:, inputs].astype(np.float64).sum(-1)
                total[group] = gains @ channels.numbers[self.data[group, inputs]]
        return total

    def fold(self, channels: Channels) -> None:
        """Mark the outputs that read constants only, and compute them."""
        if self.weights is None or self.bias is None or not self.outputs.size:
            return
        absorbed = self.find_absorbed(channels)
        known = ~(self._touches & ~absorbed[:, None, :]).any(-1)
        numbers = self.bias + self.sum_constants(channels, absorbed)
        channels.known[self.outputs[known]] = True
        channels.numbers[self.outputs[known]] = numbers[known]


def _find_constants(
    channels: Channels, ids: Ids
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which channels are constant, and which are zero."""
    known = np.asarray(channels.known[ids])
    return known, known & (channels.numbers[ids] == 0)

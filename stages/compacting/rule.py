"""Rule of an operator: joined channels, constant channels, and sizes in its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.compacting.channels import Channels, Ids

if TYPE_CHECKING:
    import onnx_ir

__all__ = ["Rule", "carry", "carry_zero", "forget", "get_input", "join_axes"]

Pairs = list[tuple[Ids, Ids]]
"""The joined channels of a node: those of an input, and those of an output."""

Join = Callable[["onnx_ir.Node", Channels], None]
Fold = Callable[["onnx_ir.Node", Channels, Pairs], None]


def forget(_node: onnx_ir.Node, _channels: Channels, _pairs: Pairs) -> None:
    """Leave all outputs unknown."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The effect of an operator on channels.

    Attributes:
        join: Joins the channels of a node that stay or go together. Others are pinned.
        fold: Marks the output channels that are constant.
        sizes: The input that holds sizes of the output, which follow the channels; None without.
    """

    join: Join
    fold: Fold = forget
    sizes: int | None = None


def get_input(node: onnx_ir.Node, index: int) -> onnx_ir.Value | None:
    """Return an input; None if the node does not have it."""
    return node.inputs[index] if index < len(node.inputs) else None


def join_axes(node: onnx_ir.Node, channels: Channels, left_out: tuple[int, ...] = ()) -> None:
    """Join each axis of the first input with that of the first output, except ``left_out``."""
    value, output = node.inputs[0], node.outputs[0]
    if value is None or value.shape is None or output.shape is None:
        return
    rank = value.shape.rank()
    left_out = tuple(axis % max(rank, 1) for axis in left_out)
    for axis in range(rank if rank == output.shape.rank() else 0):
        if axis not in left_out:
            channels.join(channels.ids(value, axis), channels.ids(output, axis))


def carry(
    _node: onnx_ir.Node, channels: Channels, pairs: Pairs, *, only_zero: bool = False
) -> None:
    """Let an output channel be the constant that all input channels joined with it are.

    Args:
        channels: The channels; their constants are extended.
        pairs: The input channels and the output channels that the rule of the node joined.
        only_zero: Whether zero is the only constant that the operator keeps.
    """
    if not pairs:
        return
    inputs, outputs = (np.concatenate(side) for side in zip(*pairs, strict=True))
    start = outputs.min()
    known = channels.known[inputs] & ((channels.numbers[inputs] == 0) | (not only_zero))
    numbers = np.where(known, channels.numbers[inputs], np.nan)
    lowest = np.full(outputs.max() - start + 1, np.inf)
    highest = -lowest
    np.minimum.at(lowest, outputs - start, numbers)
    np.maximum.at(highest, outputs - start, numbers)
    same = start + np.flatnonzero(lowest == highest)
    channels.known[same], channels.numbers[same] = True, lowest[same - start]


carry_zero = partial(carry, only_zero=True)
"""The same, for operators that keep zero only."""

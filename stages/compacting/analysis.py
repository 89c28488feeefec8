"""Analysis of a graph: constant channels, and channels that can go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from prunepack.stages.compacting.channels import NUMBERS, Channels, Ids, read_constant
from prunepack.stages.compacting.operators.table import find_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir

__all__ = ["Analysis", "analyze"]


@dataclass(frozen=True, slots=True)
class Analysis:
    """Channels of a graph, and those that no output depends on.

    Attributes:
        channels: The channels, with their constants.
        dead: For each channel, whether it can be removed; all of them can be removed at once.
    """

    channels: Channels
    dead: npt.NDArray[np.bool_]


def analyze(graph: onnx_ir.Graph) -> Analysis:
    """Find the channels that can be removed without a change of any output."""
    channels = Channels()
    for value in _list_values(graph):
        channels.add(value)
    channels.close()
    for value in graph.initializers.values():
        _read_constants(value, channels)
    for node in graph:
        _apply_rule(node, channels)
    for value in [*graph.inputs, *graph.outputs, *_list_captured(graph)]:
        for ids in channels.all_ids(value):
            channels.pin(ids)
    for contraction in channels.contractions.values():
        channels.pin(contraction.choose_carrier(channels))
    return Analysis(channels, _find_dead(channels))


def _list_values(graph: onnx_ir.Graph) -> Iterator[onnx_ir.Value]:
    yield from graph.inputs
    yield from graph.initializers.values()
    for node in graph:
        yield from node.outputs


def _list_captured(graph: onnx_ir.Graph) -> Iterator[onnx_ir.Value]:
    """Yield the tensors that subgraphs read."""
    for node in graph.all_nodes():
        if node.graph is not graph:
            yield from (value for value in node.inputs if value is not None)
    for inner in graph.subgraphs():
        yield from inner.outputs


def _read_constants(value: onnx_ir.Value, channels: Channels) -> None:
    """Mark the slices of an initializer whose elements are all equal."""
    array = read_constant(value)
    if array is None or array.dtype.kind not in NUMBERS:
        return
    for axis, ids in enumerate(channels.all_ids(value)):
        if len(ids):
            slices = np.moveaxis(array, axis, 0).reshape(len(ids), -1)
            known = (slices == slices[:, :1]).all(1)
            channels.known[ids] = known
            channels.numbers[ids] = np.where(known, slices[:, 0].astype(np.float64), 0.0)


def _apply_rule(node: onnx_ir.Node, channels: Channels) -> None:
    """Join the channels of a node, pin the others, and mark its constant outputs."""
    rule, before = find_rule(node), channels.count_pairs
    if rule is not None:
        rule.join(node, channels)
    channels.pin_untouched([*node.inputs, *node.outputs])
    if rule is not None:
        with np.errstate(all="ignore"):
            rule.fold(node, channels, channels.take_pairs(before))


def _find_dead(channels: Channels) -> npt.NDArray[np.bool_]:
    """Return the largest set of channels that can be removed at once; no axis loses all."""
    groups, pinned = channels.label()
    while True:
        dead = _find_unread(channels, groups, ~pinned)[groups]
        emptied = [ids[0] for _, _, ids in channels.axes() if dead[ids].all()]
        if not emptied:
            return dead
        pinned[groups[np.array(emptied)]] = True


def _find_unread(
    channels: Channels, groups: Ids, free: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return the groups that remain dead when those that a living output reads are revived."""
    dead = free.copy()
    absorbed = [(each, each.find_absorbed(channels)) for each in channels.contractions.values()]
    while True:
        kept = ~dead[groups]
        revived = [np.zeros(0, np.int64)]
        for each, holds in absorbed:
            revived.append(each.data[each.find_read(kept) & ~holds & ~kept[each.data]])
        changed = np.unique(groups[np.concatenate(revived)])
        if not len(changed):
            return dead
        dead[changed] = False

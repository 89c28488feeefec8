"""Weights of the checkpoint among the constants of the exported file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.contract.messages import list_first
from prunepack.stages.graph_diff.graph import NodeGraph, read_constant
from prunepack.stages.graphs.nodes import list_constants, read_model, walk_graphs
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.models.checkpoints import select_tensors
from prunepack.stages.structure.batch_norm import find_changed_values, list_factors
from prunepack.stages.structure.matrices import ConstantIndex

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt
    from torch import nn

    from prunepack.stages.contract.arrays import Array, ArrayMapping, Arrays

__all__ = [
    "WeightAccount",
    "account_weights",
    "count_changed",
    "count_unaccounted",
    "read_constants",
]

LEAST_EQUAL = 0.1
"""Fraction of equal elements from which on a constant counts as the same weight."""

NOTED = 3
"""Weights that a note names."""


@dataclass(frozen=True, slots=True)
class WeightAccount:
    """The weights of a checkpoint by their places in an exported file.

    Attributes:
        total: The number of weights of two dimensions or more.
        changed: The weights with other values: their number, and the first of them in words.
        unlike: The weights that no constant resembles.
    """

    total: int
    changed: dict[str, tuple[int, str]]
    unlike: tuple[str, ...]

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The weights that the file does not hold as they are."""
        return (*self.unlike, *self.changed)


def account_weights(
    model: Path, module: nn.Module, kept: Mapping[str, Mapping[str, Sequence[int]]] = {}
) -> WeightAccount:
    """Look for each weight of a checkpoint in an exported file, and compare its values.

    Outputs do not reveal a weight that no tested input needs. Weights of two dimensions or more
    are found by their content, in any place of the graph. A weight that is not there is compared
    with the constant of its name, else with the most similar one of its shape.

    Args:
        model: The exported file.
        module: The checkpoint, without parametrizations.
        kept: The indices that compaction left, by initializer and axis.
    """
    weights, constants = _take_kept(_list_weights(module), kept), read_constants(model)
    index = ConstantIndex(constants.values())
    missing = [
        name
        for name, weight in weights.items()
        if not index.has(weight) or _is_replaced(weight, constants.get(name))
    ]
    factors = list_factors(module) if missing else []
    found = {name: _find_changes(name, weights[name], constants, factors) for name in missing}
    changed = {name: change for name, change in found.items() if change and change[0]}
    unlike = tuple(name for name, change in found.items() if change is None)
    return WeightAccount(len(weights), changed, unlike)


def count_changed(account: WeightAccount, excused: Collection[str] = ()) -> Metrics:
    """Return the number of changed values; ``excused`` are weights that an exporter changes."""
    changes = [change for name, change in account.changed.items() if name not in excused]
    notes = "; ".join(note for _, note in changes[:NOTED])
    return {
        "parity.weights.compared": Metric(account.total - len(account.unlike), "tensors"),
        "parity.weights.changed_values": Metric(sum(n for n, _ in changes), "values", note=notes),
    }


def count_unaccounted(account: WeightAccount, excused: Collection[str]) -> Metrics:
    """Return the number of missing weights; ``excused`` are those that an exporter leaves out."""
    unlike = [name for name in account.unlike if name not in excused]
    note = list_first(unlike, NOTED)
    return {"parity.weights.unaccounted": Metric(len(unlike), "tensors", note=note)}


def _list_weights(module: nn.Module) -> Arrays:
    """Return the floating-point tensors of two or more dimensions, tied ones once."""
    tensors = select_tensors(module.state_dict()).items()
    kept = {
        name: tensor
        for name, tensor in tensors
        if tensor.ndim >= 2 and tensor.numel() > 1 and tensor.is_floating_point()
    }
    once = {(t.data_ptr(), tuple(t.shape), t.stride()): name for name, t in reversed(kept.items())}
    return {name: kept[name].detach().numpy() for name in kept if name in set(once.values())}


def _take_kept(weights: Arrays, kept: Mapping[str, Mapping[str, Sequence[int]]]) -> Arrays:
    """Return the weights without the parts that compaction removed from their initializers."""
    taken = dict(weights)
    for name in weights:
        for axis, indices in kept.get(name, {}).items():
            taken[name] = taken[name].take(indices, int(axis))
        for axis, indices in kept.get(f"{name}.T", {}).items():
            taken[name] = taken[name].take(indices, 1 - int(axis))
    return taken


def read_constants(model: Path) -> Arrays:
    """Return the constants of a file and of its subgraphs, by name."""
    proto = read_model(model)
    inner = {
        name: tensor
        for graph in walk_graphs(proto.graph)
        for name, tensor in list_constants(graph).items()
    }
    constants = {**inner, **NodeGraph(proto).constants}
    return {name: read_constant(each, model.parent) for name, each in constants.items()}


def _is_replaced(weight: Array, exported: Array | None) -> bool:
    """Return whether the constant of a weight's name has its form and other values."""
    if exported is None or (weight.shape, weight.dtype) != (exported.shape, exported.dtype):
        return False
    return not np.array_equal(weight, exported, equal_nan=True)


def _find_changes(
    name: str, weight: Array, constants: ArrayMapping, factors: list[Array]
) -> tuple[int, str] | None:
    """Return the number of changed values and the first of them; None without a counterpart.

    The counterpart is the constant of the weight's name, else that with the fewest changes. A
    constant that shares too few values is another one.
    """
    shapes = {weight.shape, weight.T.shape}
    fitting = {
        each: array
        for each, array in constants.items()
        if array.shape in shapes and array.dtype.kind == "f"
    }
    own = [each for each in (name, f"{name}.T") if each in fitting]
    masks = {each: _compare(weight, fitting[each], factors) for each in own or fitting}
    best = min(masks, key=lambda each: np.count_nonzero(masks[each]), default=None)
    if best is None or _count_kept(weight, fitting[best], masks[best]) < LEAST_EQUAL:
        return None
    changed = np.argwhere(masks[best])
    if not len(changed):
        return 0, ""
    at, exported = tuple(changed[0].tolist()), fitting[best]
    value = _turn(weight, exported)[at]
    return len(changed), f"{best}{list(at)}: {value:.9g} and {exported[at]:.9g}"


def _compare(weight: Array, exported: Array, factors: list[Array]) -> npt.NDArray[np.bool_]:
    turned = _turn(weight, exported).astype(exported.dtype)
    return find_changed_values(turned, exported, factors)


def _turn(weight: Array, exported: Array) -> Array:
    """Return the weight, transposed if the constant is."""
    return weight if weight.shape == exported.shape else weight.T


def _count_kept(weight: Array, exported: Array, changed: npt.NDArray[np.bool_]) -> float:
    """Return the fraction of the weight's nonzero elements that did not change."""
    nonzero = _turn(weight, exported) != 0
    return float(np.count_nonzero(nonzero & ~changed)) / max(int(np.count_nonzero(nonzero)), 1)

"""Faults of the weights in an exported graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from tests.faults.graphs import change, constant, maker, swap, values
from tests.faults.planting import BEYOND, CHANGED, graph_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.graphs import Array
    from tests.faults.planting import Edit

__all__ = ["FAULTS"]


def _set_one(name: str, index: tuple[int, ...], step: float) -> Edit:
    def nudged(array: Any) -> Any:
        array[index] += step
        return array

    return lambda model: change(model, name, nudged)


def _revived(model: Any) -> None:
    """Give one pruned weight a value that changes no answer by much."""

    def revived(array: Any) -> Any:
        array[tuple(one[0] for one in (array == 0).nonzero())] = 1e-6
        return array

    change(model, "fc1.weight", revived)


def _channels_swapped(model: Any) -> None:
    change(model, "conv2.weight", lambda array: swap(array, 0, 5))
    change(model, "conv2.bias", lambda array: swap(array, 0, 5))


def _bias_dropped(model: Any) -> None:
    node = maker(model, "linear")
    node.input[:] = node.input[:2]


def _variance_of_another_channel(model: Any) -> None:
    """Fold BatchNorm with the scales in another order."""
    scale = np.linspace(0.9, 1.1, 8, dtype=np.float32)
    change(model, "conv.weight", lambda array: array * scale[:, None, None, None])


def _folded_without_mean(model: Any) -> None:
    """Fold BatchNorm's scale, and leave its mean and shift out."""
    change(model, "conv.bias", np.zeros_like)


def _mask_left_on(model: Any) -> None:
    """Multiply by the mask of another pruning."""
    mask = np.abs(values(model, "fc2.weight")) > 0.15
    name = constant(model, mask, "float32")
    node = maker(model, "linear_1")
    node.input[1] = "masked"
    at = list(model.graph.node).index(node)
    model.graph.node.insert(at, helper.make_node("Mul", ["fc2.weight", name], ["masked"]))


def _eight_bits(array: Any) -> Any:
    step = np.float32(abs(array).max() / 127)
    return np.round(array / step).astype(np.float32) * step


def _to(name: str, function: Callable[[Array], Array]) -> Edit:
    return lambda model: change(model, name, function)


def _classes_reversed(model: Any) -> None:
    for name in ("fc3.weight", "fc3.bias"):
        change(model, name, lambda array: array[::-1])


FAULTS = (
    graph_fault(
        "one weight nudged by 1e-3, which no answer here needs",
        "lenet",
        _set_one("fc2.weight", (83, 6), 1e-3),
        CHANGED + r"\(fc2\.weight\[83, 6\]",
    ),
    graph_fault(
        "one weight nudged by 1e-3, which answers show",
        "lenet",
        _set_one("fc3.weight", (2, 1), 1e-3),
        BEYOND + r"output\[\d+, 2\]",
    ),
    graph_fault(
        "a pruned weight revived in the export", "lenet", _revived, CHANGED + r"\(fc1\.weight\["
    ),
    graph_fault(
        "one bias nudged by 1e-3",
        "lenet",
        _set_one("fc3.bias", (7,), 1e-3),
        BEYOND + r"output\[\d+, 7\]",
    ),
    graph_fault("two output channels swapped", "lenet", _channels_swapped),
    graph_fault("classes in another order", "lenet", _classes_reversed),
    graph_fault("a square matrix transposed", "heads", _to("square.weight", np.transpose)),
    graph_fault("a bias dropped", "lenet", _bias_dropped),
    graph_fault("BatchNorm folded in another order", "heads", _variance_of_another_channel),
    graph_fault("BatchNorm folded without its mean", "heads", _folded_without_mean),
    graph_fault("a mask left on, of another pruning", "lenet", _mask_left_on),
    graph_fault("weights rounded to 8 bits", "lenet", _to("fc1.weight", _eight_bits)),
    graph_fault("another constant of preprocessing", "heads", _set_one("mean", (0, 0, 0), 0.005)),
)

"""Sparsity of the weights of an ONNX model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.stages.contract.arrays import Array

from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.graphs.weights import find_graph_weights

__all__ = ["count_graph_zeros"]


def count_graph_zeros(model: Path) -> dict[str, tuple[int, int]]:
    """Return the zeros and the elements of each weight of two or more dimensions, by layer."""
    from onnx import numpy_helper

    counts = {}
    for weight in find_graph_weights(read_model(model)):
        if len(weight.axes) >= 2:
            array = numpy_helper.to_array(weight.tensor, str(model.parent))
            counts[weight.places[0].layer] = (_count_zeros(array), array.size)
    return counts


def _count_zeros(array: Array) -> int:
    return array.size - int(np.count_nonzero(array))

"""Sparsity of the weights of an ONNX model, and the masks that it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.contract.messages import list_first
from prunepack.stages.contract.model_spec import LEAST_ZEROS
from prunepack.stages.contract.progress import remark
from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.graphs.weights import find_graph_weights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onnx import ModelProto

    from prunepack.stages.contract.model_spec import MaskSource
    from prunepack.stages.graphs.weights import GraphWeight

__all__ = ["count_graph_zeros", "find_masks"]


def count_graph_zeros(model: Path) -> dict[str, tuple[int, int]]:
    """Return the zeros and the elements of each weight of two or more dimensions, by layer."""
    counted = _count_zeros(read_model(model), model.parent)
    return {weight.places[0].layer: (zeros, size) for weight, zeros, size in counted}


def find_masks(model: ModelProto, folder: Path, masks: MaskSource) -> list[str]:
    """Return the initializers whose zeros are a mask, and name them in a remark."""
    least = {"auto": LEAST_ZEROS, "from_zeros": 0.0}.get(masks)
    if least is None:
        return []
    counted = _count_zeros(model, folder)
    sparsity = {weight.name: 1 - (size - zeros) / max(size, 1) for weight, zeros, size in counted}
    masked = {name: part for name, part in sparsity.items() if part and part >= least}
    if masked:
        shown = (f"`{name}` ({100 * part:.1f} %)" for name, part in masked.items())
        remark(f"zeros taken as masks in {list_first(shown, 5)}")
    return list(masked)


def _count_zeros(model: ModelProto, folder: Path) -> Iterator[tuple[GraphWeight, int, int]]:
    """Yield each weight of two or more dimensions with its zeros and its elements."""
    from onnx import numpy_helper

    for weight in find_graph_weights(model):
        if len(weight.axes) >= 2:
            array = numpy_helper.to_array(weight.tensor, str(folder))
            yield weight, array.size - int(np.count_nonzero(array)), array.size

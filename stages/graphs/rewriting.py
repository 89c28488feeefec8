"""ONNX model with other values of its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.graphs.nodes import walk_graphs
from prunepack.stages.graphs.pruning import GraphTensor
from prunepack.stages.graphs.weights import find_graph_weights

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from onnx import ModelProto

__all__ = ["LARGEST_INLINE", "open_graph_tensors", "put_masks_in_graph", "write_graph"]

LARGEST_INLINE = 1_500_000_000
"""Largest model, in bytes, in one file; protobuf ends at 2 GiB."""


def open_graph_tensors(model: ModelProto, masked: Collection[str]) -> list[GraphTensor]:
    """Return the weights and biases of a model; the zeros of those in ``masked`` are masks.

    Args:
        model: The model, with its external data.
        masked: Names of initializers.
    """
    from onnx import numpy_helper

    tensors = []
    for weight in find_graph_weights(model):
        values = weight.orient(numpy_helper.to_array(weight.tensor))
        wide = values if values.dtype.kind == "f" else values.astype(np.float32)
        mask = wide != 0 if weight.name in masked else np.ones(wide.shape, bool)
        tensors.append(GraphTensor(weight, wide, mask))
    return tensors


def put_masks_in_graph(tensors: Sequence[GraphTensor]) -> None:
    """Set the pruned weights in the model to +0.0; all other values keep their bits."""
    from onnx import numpy_helper

    for tensor in tensors:
        if tensor.mask.all():
            continue
        stored = numpy_helper.to_array(tensor.weight.tensor).copy()
        tensor.weight.orient(stored)[~tensor.mask] = 0
        stored_name = tensor.weight.tensor.name
        tensor.weight.tensor.CopyFrom(numpy_helper.from_array(stored, stored_name))


def write_graph(model: ModelProto, path: Path) -> None:
    """Write ``model`` deterministically, in one file if protobuf can hold it."""
    import onnx

    graphs = walk_graphs(model.graph)
    size = sum(len(tensor.raw_data) for graph in graphs for tensor in graph.initializer)
    if size > LARGEST_INLINE:
        location = f"{path.name}.data"
        onnx.save(model, path, save_as_external_data=True, location=location)
    else:
        path.write_bytes(model.SerializeToString(deterministic=True))

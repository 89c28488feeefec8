"""Model above the 2 GiB limit of protobuf: pruned linear layers with external data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt
    import onnx

__all__ = ["write_large_model"]

BLOCK = 2**22
KEPT = 0.1


def write_large_model(folder: Path, layers: int, width: int) -> Path:
    """Write ``model.onnx`` and ``model.onnx.data`` of any size in a few MB of memory.

    Args:
        folder: An empty folder.
        layers: Number of linear layers, one after the other.
        width: Inputs and outputs of each: input float32 (n, width) to output (n, width).

    Returns:
        The ``.onnx`` file. Nine in ten weights are zero, the others normal; all are reproducible.
    """
    size = 4 * width**2
    with (folder / "model.onnx.data").open("wb") as data:
        for layer in range(layers):
            for block in _blocks(width**2, layer):
                data.write(block.data)
    path = folder / "model.onnx"
    path.write_bytes(_graph(layers, width, size).SerializeToString(deterministic=True))
    return path


def _blocks(elements: int, seed: int) -> Iterator[npt.NDArray[Any]]:
    generator = np.random.default_rng(seed)
    for at in range(0, elements, BLOCK):
        count = min(BLOCK, elements - at)
        weights = np.zeros(count, np.float32)
        kept = np.flatnonzero(generator.random(count, np.float32) < KEPT)
        weights[kept] = generator.standard_normal(kept.size, np.float32) * np.float32(0.02)
        yield weights


def _graph(layers: int, width: int, size: int) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    values = ["input", *(f"hidden{index}" for index in range(1, layers)), "output"]
    nodes, weights = [], []
    for index in range(layers):
        name = f"layer{index}.weight"
        nodes.append(helper.make_node("MatMul", [values[index], name], [values[index + 1]]))
        weight = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[width, width])
        weight.data_location = TensorProto.EXTERNAL
        place = {"location": "model.onnx.data", "offset": index * size, "length": size}
        for key, value in place.items():
            weight.external_data.add(key=key, value=str(value))
        weights.append(weight)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])
        for name in (values[0], values[-1])
    ]
    graph = helper.make_graph(nodes, "model", ends[:1], ends[1:], initializer=weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)

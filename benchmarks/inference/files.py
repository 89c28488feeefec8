"""Files of the benchmark: each network as ONNX, pruned to several sparsities.

Each layer is pruned by magnitude to the same sparsity; depthwise convolutions and embeddings stay
dense. The files of torch's current exporter are those of the main table. Engines of other makers
read the files of its older exporter with opset 14, which the oldest of them needs.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.inference.models import NETWORKS

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

__all__ = ["FOLDER", "build_network", "prune_network", "zero_smallest"]

FOLDER = Path(__file__).parents[2] / "artifacts" / "inference"
SMALLEST = 1024
"""Weights with fewer elements are not pruned."""

OLD_OPSET = 14


def prune_network(name: str, percent: int, *, old: bool = False) -> Path:
    """Return the network as ONNX with this share of each layer's weights at zero.

    Args:
        name: A key of :data:`NETWORKS`.
        percent: The share.
        old: Whether to export with opset 14.
    """
    import onnx

    stem = f"{name}-opset{OLD_OPSET}" if old else name
    path = FOLDER / f"{stem}-{percent}.onnx"
    if not path.exists():
        dense = FOLDER / f"{stem}.onnx"
        if not dense.exists():
            FOLDER.mkdir(parents=True, exist_ok=True)
            (_export_old if old else _export)(name, dense)
        model = onnx.load(dense)
        _prune(model, percent / 100)
        onnx.save(model, path)
    return path


class _FirstOutput:
    """A wrapper that returns the first output of a model of transformers."""

    def __new__(cls, model: Any) -> Any:
        from torch import nn

        class Wrapper(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, *inputs: Any) -> Any:
                output = self.model(*inputs)
                return output[0] if hasattr(output, "keys") else output

        return Wrapper()


def build_network(name: str) -> Any:
    """Return the model of torch with one output, the same on each call."""
    import torch

    torch.manual_seed(0)
    return _FirstOutput(NETWORKS[name].build()).eval()


def _arguments(name: str) -> dict[str, Any]:
    """Return the arguments that both exporters share."""
    import torch

    inputs = NETWORKS[name].inputs
    kinds = {"float": torch.float32, "ids": torch.int64, "mask": torch.int64}
    values = tuple(torch.ones(2, *item.shape, dtype=kinds[item.kind]) for item in inputs)
    names = [item.name for item in inputs]
    return {"args": values, "input_names": names, "output_names": ["y"], "verbose": False}


def _export(name: str, path: Path) -> None:
    import torch

    batch = torch.export.Dim("batch")
    axes = (tuple({0: batch} for _ in NETWORKS[name].inputs),)
    torch.onnx.export(
        build_network(name),
        f=path,
        dynamo=True,
        dynamic_shapes=axes,
        external_data=False,
        **_arguments(name),
    )


def _export_old(name: str, path: Path) -> None:
    """Export with opset 14, and let onnxruntime fold the constants, which that exporter leaves."""
    import onnxruntime
    import torch

    arguments = _arguments(name)
    axes = {item: {0: "batch"} for item in (*arguments["input_names"], "y")}
    with TemporaryDirectory() as folder:
        raw = Path(folder, "raw.onnx")
        torch.onnx.export(
            build_network(name),
            f=raw,
            dynamo=False,
            opset_version=OLD_OPSET,
            dynamic_axes=axes,
            **arguments,
        )
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    _keep_used_domains(path)


def _keep_used_domains(path: Path) -> None:
    """Remove the domains that onnxruntime declares for operators of its own, and does not use."""
    import onnx

    model = onnx.load(path)
    domains = {node.domain for node in model.graph.node}
    used = [item for item in model.opset_import if item.domain in domains]
    del model.opset_import[:]
    model.opset_import.extend(used)
    onnx.save(model, path)


def _prune(model: onnx.ModelProto, share: float) -> None:
    from onnx import numpy_helper

    layers = {"Conv", "Gemm", "MatMul"}
    weights = {node.input[1] for node in model.graph.node if node.op_type in layers}
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        depthwise = array.ndim == 4 and array.shape[1] == 1
        if tensor.name in weights and array.size >= SMALLEST and not depthwise:
            tensor.CopyFrom(numpy_helper.from_array(zero_smallest(array, share), tensor.name))


def zero_smallest(array: npt.NDArray[Any], share: float) -> npt.NDArray[Any]:
    """Return a copy in which this share of the elements, the smallest ones, are zero."""
    magnitudes = np.abs(array).ravel()
    count = int(magnitudes.size * share)
    pruned = array.copy()
    pruned.flat[np.argpartition(magnitudes, count)[:count]] = 0
    return pruned

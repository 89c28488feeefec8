"""Models of the benchmark of inference: architectures of transformers with random weights.

The time of a layer depends on its shape and its share of zeros, not on the values, so that no
trained weights are needed. Each layer is pruned by magnitude to the same sparsity; depthwise
convolutions and embeddings stay dense.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import onnx

__all__ = ["NETWORKS", "Network", "export_network", "prune_network"]

FOLDER = Path(__file__).parents[1] / "artifacts" / "inference"
SMALLEST = 1024
"""Tensors with fewer elements are not pruned."""

IMAGE = (3, 224, 224)
TOKENS = 128


class Network(NamedTuple):
    """A network and the batch sizes to measure it with.

    Attributes:
        title: Its name in tables.
        build: Returns the model, and the shape of one sample.
        batches: Batch sizes.
    """

    title: str
    build: Callable[[], tuple[Any, tuple[int, ...]]]
    batches: tuple[int, ...]


def _classify(kind: str, **settings: Any) -> tuple[Any, tuple[int, ...]]:
    import transformers

    config = getattr(transformers, f"{kind}Config")(num_labels=1000, **settings)
    return getattr(transformers, f"{kind}ForImageClassification")(config), IMAGE


def _resnet18() -> tuple[Any, tuple[int, ...]]:
    sizes = {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512]}
    return _classify("ResNet", layer_type="basic", **sizes)


def _bert() -> tuple[Any, tuple[int, ...]]:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=512, num_hidden_layers=4, num_attention_heads=8, intermediate_size=2048
    )
    return BertModel(config, add_pooling_layer=False), (TOKENS,)


def _mlp() -> tuple[Any, tuple[int, ...]]:
    from torch import nn

    sizes = (784, 4096, 4096, 4096)
    hidden = [layer for pair in pairwise(sizes) for layer in _pair(*pair)]
    return nn.Sequential(*hidden, nn.Linear(4096, 10)), (784,)


def _pair(inputs: int, outputs: int) -> tuple[Any, Any]:
    from torch import nn

    return nn.Linear(inputs, outputs), nn.ReLU()


NETWORKS = {
    "resnet18": Network("ResNet-18", _resnet18, (1, 16)),
    "resnet50": Network("ResNet-50", lambda: _classify("ResNet"), (1, 16)),
    "mobilenet_v2": Network("MobileNetV2", lambda: _classify("MobileNetV2"), (1, 16)),
    "bert": Network("BERT 4×512, 128 tokens", _bert, (1, 16)),
    "mlp": Network("MLP 784-4096×3-10", _mlp, (1, 16)),
}


class _FirstOutput:
    """A wrapper that returns the first output of a model of transformers."""

    def __new__(cls, model: Any) -> Any:
        from torch import nn

        class Wrapper(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, x: Any) -> Any:
                output = self.model(x)
                return output[0] if hasattr(output, "keys") else output

        return Wrapper()


def export_network(name: str) -> Path:
    """Return the dense network as ONNX with a dynamic batch; export it on the first call."""
    import torch

    path = FOLDER / f"{name}.onnx"
    if path.exists():
        return path
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model, shape = NETWORKS[name].build()
    x = torch.ones(2, *shape, dtype=torch.int64 if len(shape) == 1 and shape[0] == TOKENS else None)
    torch.onnx.export(
        _FirstOutput(model).eval(),
        (x,),
        path,
        dynamo=True,
        input_names=["x"],
        output_names=["y"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        external_data=False,
        verbose=False,
    )
    return path


def prune_network(name: str, percent: int) -> Path:
    """Return the network as ONNX with this share of each layer's weights at zero."""
    import onnx

    path = FOLDER / f"{name}-{percent}.onnx"
    if not path.exists():
        model = onnx.load(export_network(name))
        _prune(model, percent / 100)
        onnx.save(model, path)
    return path


def _prune(model: onnx.ModelProto, share: float) -> None:
    from onnx import numpy_helper

    tables = {node.input[0] for node in model.graph.node if node.op_type == "Gather"}
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        depthwise = array.ndim == 4 and array.shape[1] == 1
        if array.ndim < 2 or array.size < SMALLEST or depthwise or tensor.name in tables:
            continue
        tensor.CopyFrom(numpy_helper.from_array(_zero_smallest(array, share), tensor.name))


def _zero_smallest(array: npt.NDArray[Any], share: float) -> npt.NDArray[Any]:
    magnitudes = np.abs(array).ravel()
    count = int(magnitudes.size * share)
    pruned = array.copy()
    pruned.flat[np.argpartition(magnitudes, count)[:count]] = 0
    return pruned

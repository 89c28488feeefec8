"""Networks of the benchmark: architectures of transformers with random weights, and trained ones.

The time of a layer depends on its shape and its share of zeros, not on the values, so that most of
them need no trained weights.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

__all__ = ["NETWORKS", "Input", "Network", "draw_feed"]

BATCHES = (1, 16)
VOCABULARY = 30000


class Input(NamedTuple):
    """An input: its name, its shape without the batch, and ``float``, ``ids`` or ``mask``."""

    name: str
    shape: tuple[int, ...]
    kind: str = "float"


class Network(NamedTuple):
    """A network.

    Attributes:
        title: Its name in tables.
        build: Returns the model of torch.
        inputs: Its inputs.
    """

    title: str
    build: Callable[[], Any]
    inputs: tuple[Input, ...]


def draw_feed(network: Network, batch: int) -> dict[str, npt.NDArray[Any]]:
    """Return random inputs by name; a mask is all ones."""
    rng = np.random.default_rng(0)
    return {item.name: _draw(rng, item.kind, (batch, *item.shape)) for item in network.inputs}


def _draw(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    if kind == "float":
        return rng.standard_normal(shape, np.float32)
    return rng.integers(0, VOCABULARY, shape) if kind == "ids" else np.ones(shape, np.int64)


def _classify(kind: str, **settings: Any) -> Any:
    import transformers

    config = getattr(transformers, f"{kind}Config")(num_labels=1000, **settings)
    return getattr(transformers, f"{kind}ForImageClassification")(config)


def _resnet18() -> Any:
    sizes = {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512]}
    return _classify("ResNet", layer_type="basic", **sizes)


def _vit_s() -> Any:
    sizes = {"hidden_size": 384, "num_attention_heads": 6, "intermediate_size": 1536}
    return _classify("ViT", **sizes)


def _bert(**settings: Any) -> Any:
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig(num_hidden_layers=4, **settings), add_pooling_layer=False)


def _bert_small() -> Any:
    return _bert(hidden_size=512, num_attention_heads=8, intermediate_size=2048)


def _load(name: str) -> Any:
    """Return a built-in model with its trained weights."""
    from importlib import import_module

    chosen = import_module(f"prunepack.stages.models.builtin.{name}").MODEL
    model = chosen.build()
    model.load_state_dict(chosen.read_state())
    return model


def _mlp() -> Any:
    from torch import nn

    sizes = (784, 4096, 4096, 4096)
    hidden = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(4096, 10))


IMAGE = (Input("x", (3, 224, 224)),)

NETWORKS = {
    "resnet18": Network("ResNet-18", _resnet18, IMAGE),
    "resnet50": Network("ResNet-50", lambda: _classify("ResNet"), IMAGE),
    "mobilenet_v2": Network("MobileNetV2", lambda: _classify("MobileNetV2"), IMAGE),
    "bert": Network("BERT 4×512, 128 tokens", _bert_small, (Input("x", (128,), "ids"),)),
    "bert_base": Network("BERT 4×768, 128 tokens", _bert, (Input("x", (128,), "ids"),)),
    "vit_s": Network("ViT-S/16", _vit_s, IMAGE),
    "minilm": Network(
        "MiniLM-L6, trained, 64 tokens",
        lambda: _load("minilm"),
        (Input("input_ids", (64,), "ids"), Input("attention_mask", (64,), "mask")),
    ),
    "crepe": Network("CREPE, trained", lambda: _load("crepe"), (Input("frames", (1024,)),)),
    "mlp": Network("MLP 784-4096×3-10", _mlp, (Input("x", (784,)),)),
}

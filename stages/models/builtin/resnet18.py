"""ResNet-18 (He, Zhang, Ren and Sun 2016) with random weights, for times and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.models.builtin import Model

if TYPE_CHECKING:
    from torch import nn

__all__ = ["MODEL"]


def build() -> nn.Module:
    """Build the network: images (n, 3, 224, 224) to logits (n, 1000), 11.7 M parameters."""
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        depths=[2, 2, 2, 2],
        hidden_sizes=[64, 128, 256, 512],
        layer_type="basic",
        return_dict=False,
    )
    config.num_labels = 1000
    model: nn.Module = ResNetForImageClassification(config)
    return model


MODEL = Model(build=build, inputs=(InputSpec(name="pixel_values", shape=(3, 224, 224)),))

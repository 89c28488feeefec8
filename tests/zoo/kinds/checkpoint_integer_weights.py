"""Weights in int8 with scales beside them, as quantisers save them"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "checkpoint"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
weights = "net.pth"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    torch.manual_seed(3)
    state = build().state_dict()
    scales = {f"{name}_scale": value.abs().max() / 127 for name, value in state.items()}
    state = {
        name: (value / scales[f"{name}_scale"]).round().to(torch.int8)
        for name, value in state.items()
    }
    torch.save(state | scales, folder / "net.pth")


REFUSED = Refusal(
    what="`net.pth` does not fit the model",
    hint="Correct the factory or its load.arguments, or rename the keys of the file",
)

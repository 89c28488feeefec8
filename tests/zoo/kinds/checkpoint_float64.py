"""State dict in float64 for a float32 model"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = False
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
    torch.save({name: value.double() / 3 for name, value in state.items()}, folder / "net.pth")


PASSES = Expectation(sparsity=50, told=("float64",))

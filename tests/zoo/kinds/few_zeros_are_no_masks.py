"""Less than 30 % exact zeros: an ordinary dense model, pruned by the recipe"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "w.pth"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    state = build().state_dict()
    state["0.weight"][0] = 0.0
    torch.save(state, folder / "w.pth")


PASSES = Expectation(sparsity=50, untold=("zeros taken as masks", "no dense reference"))

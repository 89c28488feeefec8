"""masks = "from_zeros": every exact zero is taken, also below 30 %"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "pruned.pth"
masks = "from_zeros"

[prune]
method = "none"
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    state = build().state_dict()
    state["0.weight"][0] = 0.0
    torch.save(state, folder / "pruned.pth")


PASSES = Expectation(sparsity=100 * 8 / 192, told=("zeros taken as masks in `0.weight` (6.2 %)",))

"""torch.cond around layers that wear masks"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "export"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(8, 4), nn.Linear(8, 4)

    def forward(self, x):
        return torch.cond(x.sum() > 0, self.first, self.second, (x,))


build = Branches
PASSES = Expectation(sparsity=50)

"""NamedTuple as the output"""

from typing import NamedTuple

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "outputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class Result(NamedTuple):
    logits: torch.Tensor
    hidden: torch.Tensor


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        hidden = self.a(x).relu()
        return Result(self.b(hidden), hidden)


build = Net


PASSES = Expectation(sparsity=50, outputs=["logits", "hidden"])

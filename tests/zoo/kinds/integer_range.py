"""Lengths that index no table and must lie between 1 and 12"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "x", shape = [12, 4] },
    { name = "length", shape = [], dtype = "int64", range = [1, 12] },
]

[prune]
amount = 0.5
"""


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x, length):
        mask = torch.arange(12) < length[:, None]
        return (self.fc(x) * mask[..., None]).sum(1) / length[:, None]


build = Masked
PASSES = Expectation(sparsity=50)

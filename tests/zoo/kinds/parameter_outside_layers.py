"""Weights as parameters of the model itself, named by the rule"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
parameter = "*"
amount = 0.5
"""


class Raw(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Parameter(torch.randn(8, 16) * 0.1)
        self.second = nn.Parameter(torch.randn(16, 4) * 0.1)

    def forward(self, x):
        return torch.relu(x @ self.first) @ self.second


build = Raw
PASSES = Expectation(sparsity=50)

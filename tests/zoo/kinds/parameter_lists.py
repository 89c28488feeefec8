"""Weights in a ParameterList and a ParameterDict"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
parameter = "*"
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps = nn.ParameterList([nn.Parameter(torch.randn(8, 8) / 3) for _ in range(2)])
        self.heads = nn.ParameterDict({"a": nn.Parameter(torch.randn(8, 4) / 3)})

    def forward(self, x):
        for step in self.steps:
            x = torch.tanh(x @ step)
        return x @ self.heads["a"]


build = Net


PASSES = Expectation(sparsity=50)

"""Mixture of experts with stacked weights of three dimensions"""

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
amount = 0.5
"""


class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.router = nn.Linear(8, 4)
        self.weights = nn.Parameter(torch.randn(4, 8, 8) * 0.1)

    def forward(self, x):
        gate = torch.softmax(self.router(x), -1)
        return torch.einsum("be,bi,eio->bo", gate, x, self.weights)


build = Experts
PASSES = Expectation(
    sparsity=100 * 16 / 288, told=("no rule reached `weights`",), metrics={"sparsity.amount": 50.0}
)

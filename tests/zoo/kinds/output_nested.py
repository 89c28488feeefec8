"""Nested outputs: a list of levels, each a tuple"""

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


class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        low = self.first(x)
        high = self.second(torch.relu(low))
        return high, [(low, low.mean(-1)), (high, high.mean(-1))]


build = Pyramid
PASSES = Expectation(sparsity=50, metrics={"parity.torch_onnx.outputs": 5})

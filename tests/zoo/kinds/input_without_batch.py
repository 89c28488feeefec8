"""Scalar temperature without a batch axis, beside a batched input"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "x", shape = [8] },
    { name = "temperature", shape = [], batch_axis = "none", range = [0.5, 2.0] },
]

[prune]
amount = 0.5
"""


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x, temperature):
        return torch.softmax(self.fc(x) / temperature, -1)


build = Scaled
PASSES = Expectation(sparsity=50, inputs={"x": ["batch", 8], "temperature": []})

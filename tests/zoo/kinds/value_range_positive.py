"""Input whose logarithm is taken: range keeps it positive"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8], range = [0.1, 10.0] }]

[prune]
amount = 0.5
"""


class Log(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(torch.log(x))


build = Log
PASSES = Expectation(sparsity=50, metrics={"parity.torch_onnx.nonfinite": 0})

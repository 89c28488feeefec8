"""Output without a batch axis: a table of embeddings beside the answers"""

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


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)
        self.table = nn.Parameter(torch.randn(5, 4))

    def forward(self, x):
        return self.fc(x), self.table * 2


build = Net


PASSES = Expectation(outputs=["output_0", "output_1"])

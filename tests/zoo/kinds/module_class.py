"""nn.Module subclass named in the recipe, with arguments"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:Net"
inputs = [{ name = "x", shape = [8] }]
arguments = { width = 12 }

[prune]
amount = 0.5

[compact]
enabled = false
"""


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.body, self.head = nn.Linear(8, width), nn.Linear(width, 4)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


def check(release):
    assert release.weight("head.weight").shape == (4, 12)


PASSES = Expectation(sparsity=50)

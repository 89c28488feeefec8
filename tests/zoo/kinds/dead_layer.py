"""Global ranking that empties a layer whose weights are small: the answer is always the same"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [64] }]

[prune]
amount = 0.8
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.big, self.small, self.out = nn.Linear(64, 64), nn.Linear(64, 8), nn.Linear(8, 4)
        nn.init.normal_(self.small.weight, std=1e-4)

    def forward(self, x):
        return self.out(torch.relu(self.small(torch.relu(self.big(x)))))


build = Net
PASSES = Expectation(
    code=1,
    sparsity=80,
    metrics={"torch.constant_outputs": 1},
    told=("`small.weight` has no weights left",),
)

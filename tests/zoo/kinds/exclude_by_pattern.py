"""exclude with a pattern of layer names"""

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
scope = "local"
exclude = ["head*"]
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head_a, self.head_b = nn.Linear(8, 8), nn.Linear(8, 4), nn.Linear(8, 2)

    def forward(self, x):
        hidden = torch.relu(self.body(x))
        return self.head_a(hidden), self.head_b(hidden)


build = Net
PASSES = Expectation(
    metrics={"sparsity.layer.body": 50.0, "sparsity.layer.head_a": 0.0},
    told=("excluded: `head_a.weight`, `head_b.weight`",),
)

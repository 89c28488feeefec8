"""Pruning that leaves an output which no longer depends on the input"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [16] }]

[prune]
amount = 0.5
"""


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.weak, self.strong = (nn.Linear(16, 16) for _ in range(3))
        nn.init.normal_(self.weak.weight, std=1e-4)

    def forward(self, x):
        hidden = torch.tanh(self.body(x))
        return self.strong(hidden), self.weak(hidden)


build = TwoHeads
PASSES = Expectation(
    sparsity=50,
    told=("`weak.weight` has no weights left", "output 1 no longer depends on the inputs"),
    untold=("output 0 no longer",),
)

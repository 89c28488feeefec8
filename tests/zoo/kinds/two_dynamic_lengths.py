"""Dynamic axes of two names, whose sizes are independent"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "queries", shape = ["queries", 8] },
    { name = "memory", shape = ["keys", 8] },
]

[prune]
amount = 0.5
"""


class Cross(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(8, 8)

    def forward(self, queries, memory):
        return torch.softmax(self.project(queries) @ memory.mT, -1) @ memory


build = Cross
PASSES = Expectation(
    sparsity=50, inputs={"queries": ["batch", "queries", 8], "memory": ["batch", "keys", 8]}
)

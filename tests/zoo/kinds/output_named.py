"""Outputs of a tuple chosen and named by a table: export.outputs"""

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

[export]
outputs = { logits = "1.0", hidden = "0" }
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x):
        hidden = torch.relu(self.body(x))
        return hidden, (self.head(hidden), hidden.sum(-1))


build = Net
PASSES = Expectation(sparsity=50, outputs=["logits", "hidden"])

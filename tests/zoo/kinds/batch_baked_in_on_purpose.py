"""Loop over the samples of a batch, exported for one sample with dynamic_batch = false"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "export"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5

[export]
dynamic_batch = false
"""


class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))

    def forward(self, x):
        return torch.stack([self.net(sample) for sample in x])


build = Loop
PASSES = Expectation(sparsity=50, inputs={"x": [1, 8]}, told=("the batch axis is fixed at 1",))

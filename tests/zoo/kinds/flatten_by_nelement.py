"""Flatten by x.view(-1, int(x.nelement() / x.shape[0])), as LeNet of the tutorial does"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "export"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [1, 8, 8] }]

[prune]
amount = 0.5
"""


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(36, 4)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv(x)), 2)
        return self.fc(x.view(-1, int(x.nelement() / x.shape[0])))


build = LeNet
PASSES = Expectation(sparsity=50, inputs={"x": ["batch", 1, 8, 8]})

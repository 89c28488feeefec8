"""Model in torch.compile's OptimizedModule"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    return torch.compile(net, backend="eager")


def check(release):
    assert "0.weight_mask" in release.masked_state()


PASSES = Expectation(sparsity=50, told=("OptimizedModule taken off",))

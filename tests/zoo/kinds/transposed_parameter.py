"""Parameter that is a transposed view"""

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
    layer = nn.Linear(8, 4)
    layer.weight = nn.Parameter(torch.randn(8, 4).t())
    return nn.Sequential(layer)


PASSES = Expectation(sparsity=50)

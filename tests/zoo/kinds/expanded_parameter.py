"""Parameter that is an expanded view: every row shares its memory"""

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
scope = "local"
"""


def build():
    layer = nn.Linear(8, 4)
    layer.weight = nn.Parameter(torch.randn(1, 8).expand(4, 8))
    return nn.Sequential(layer, nn.ReLU(), nn.Linear(4, 2))


PASSES = Expectation(sparsity=50)

"""Structured pruning of a grouped and a depthwise convolution"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8, 8, 8] }]

[prune]
method = "ln_structured"
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.ReLU(), nn.Conv2d(8, 16, 1, groups=2))


PASSES = Expectation(sparsity=50)

"""LazyLinear and LazyConv2d, which get their dry run"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [3, 8, 8] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4))


PASSES = Expectation(sparsity=50, told=("lazy parameters got their shapes from a dry run",))

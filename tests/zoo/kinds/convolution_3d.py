"""Conv3d and ConvTranspose3d over volumes"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [1, 4, 8, 8] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.ConvTranspose3d(4, 2, 2))


PASSES = Expectation(sparsity=50)

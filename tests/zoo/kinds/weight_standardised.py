"""Convolution that standardises its weight in forward(), as BiT has it"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [3, 8, 8] }]

[prune]
amount = 0.5
"""


class Standardised(nn.Conv2d):
    def forward(self, x):
        weight = self.weight
        mean = weight.mean((1, 2, 3), keepdim=True)
        scale = weight.var((1, 2, 3), keepdim=True, unbiased=False).add(1e-5).rsqrt()
        return nn.functional.conv2d(x, (weight - mean) * scale, self.bias, padding=1)


def build():
    return nn.Sequential(Standardised(3, 8, 3), nn.ReLU(), Standardised(8, 4, 3))


PASSES = Expectation(sparsity=50)

"""Convolution with a parametrisation of the user: left dense and named"""

from torch import nn
from torch.nn.utils import parametrize

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


class Symmetric(nn.Module):
    def forward(self, weight):
        return (weight + weight.flip(-1)) / 2


def build():
    convolution = nn.Conv2d(3, 8, 3, padding=1)
    parametrize.register_parametrization(convolution, "weight", Symmetric())
    return nn.Sequential(convolution, nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1))


PASSES = Expectation(sparsity=28.6, told=("`0.weight`",))

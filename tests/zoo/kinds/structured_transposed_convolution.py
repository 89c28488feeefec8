"""Structured pruning of ConvTranspose2d: output channels, which are dim 1"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [4, 4, 4] }]

[prune]
method = "ln_structured"
amount = 0.5
"""


def build():
    return nn.Sequential(nn.ConvTranspose2d(4, 8, 2))


def check(release):
    weight = release.weight("0.weight")
    dead = (weight == 0).all(axis=(0, 2, 3))
    assert dead.shape == (8,)
    assert dead.sum() == 4


PASSES = Expectation(sparsity=50)

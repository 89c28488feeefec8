"""2:4 on ConvTranspose2d: groups run along its inputs, which are dim 0"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8, 4, 4] }]

[prune]
method = "n_m"
pattern = "2:4"
"""


def build():
    return nn.Sequential(nn.ConvTranspose2d(8, 4, 2))


def check(release):
    weight = release.weight("0.weight")
    assert ((weight != 0).reshape(2, 4, 4, 2, 2).sum(1) == 2).all()


PASSES = Expectation(sparsity=50)

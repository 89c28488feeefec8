"""2:4 on a layer of 10 inputs: the last two inputs make no group"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [10] }]

[prune]
method = "n_m"
n = 2
m = 4
"""


def build():
    return nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4))


PASSES = Expectation(sparsity=50)

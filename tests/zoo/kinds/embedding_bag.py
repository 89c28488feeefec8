"""EmbeddingBag with offsets left to two dimensions"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "ids", shape = [6], dtype = "int64", range = [0, 49] }]

[prune]
amount = 0.5
scope = "local"
"""


def build():
    return nn.Sequential(nn.EmbeddingBag(50, 16, mode="mean"), nn.Linear(16, 4))


PASSES = Expectation(sparsity=50)

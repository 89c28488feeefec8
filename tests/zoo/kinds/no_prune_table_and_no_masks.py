"""Dense model without a [prune] table: pruned by the default recipe, and told"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [64] }]
"""


def build():
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))


PASSES = Expectation(sparsity=90, told=("no [prune] table: 90 % pruned by default",))

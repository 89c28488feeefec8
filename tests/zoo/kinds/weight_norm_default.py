"""weight_norm on every layer under the default rule

A zero of the direction is a zero of the effective weight, so the direction is what wears the mask.
"""

from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(weight_norm(nn.Linear(8, 8)), nn.ReLU(), weight_norm(nn.Linear(8, 4)))


PASSES = Expectation(sparsity=50)

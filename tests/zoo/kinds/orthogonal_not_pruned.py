"""Orthogonal parametrisation, which does not keep zeros: left dense and named"""

from torch import nn
from torch.nn.utils.parametrizations import orthogonal

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
scope = "local"
amount = 0.5
"""


def build():
    return nn.Sequential(orthogonal(nn.Linear(8, 8)), nn.ReLU(), nn.Linear(8, 4))


PASSES = Expectation(
    sparsity=100 * 16 / 96,
    told=("`0.weight` is not pruned: its parametrisation `_Orthogonal` does not keep zeros",),
)

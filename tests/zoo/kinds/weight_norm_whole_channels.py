"""Whole channels of weight-normed layers: a direction of zeros must not become NaN"""

from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [4, 16] }]

[prune]
method = "ln_structured"
amount = 0.5

[compact]
enabled = false
"""


def build():
    return nn.Sequential(
        weight_norm(nn.Conv1d(4, 8, 3, padding=1)),
        nn.LeakyReLU(0.1),
        weight_norm(nn.Conv1d(8, 4, 3, padding=1)),
    )


def check(release):
    weight = release.weight("0.weight")
    assert (weight == 0).all(axis=(1, 2)).sum() == 4
    assert not any("original" in name for name in (t.name for t in release.graph.initializer))


PASSES = Expectation(sparsity=50, metrics={"sparsity.amount": 50.0})

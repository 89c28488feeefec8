"""Normalisation and biases under the default rule: left alone"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 4))


def check(release):
    names = [name for name in release.masked_state() if name.endswith("_mask")]
    assert names == ["0.weight_mask", "3.weight_mask"]


PASSES = Expectation(sparsity=50)

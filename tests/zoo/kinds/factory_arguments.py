"""Factory with keyword arguments: load.arguments"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
arguments = { hidden = 24, classes = 5 }

[prune]
amount = 0.5

[compact]
enabled = false
"""


def build(hidden, classes=10):
    return nn.Sequential(nn.Linear(8, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def check(release):
    assert release.weight("2.weight").shape == (5, 24)


PASSES = Expectation(sparsity=50)

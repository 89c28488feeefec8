"""Conv1d over a signal of any length"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [2, "samples"] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Conv1d(2, 8, 3, padding=1), nn.ReLU(), nn.Conv1d(8, 2, 3, padding=1))


PASSES = Expectation(sparsity=50, inputs={"x": ["batch", 2, "samples"]})

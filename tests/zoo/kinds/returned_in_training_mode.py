"""Factory that returns a model in training mode, with dropout"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "outputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, 4))
    return net.train()


PASSES = Expectation(sparsity=50)

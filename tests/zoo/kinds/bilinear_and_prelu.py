"""Bilinear layer of three dimensions, and PReLU, whose slope does not count as a weight"""

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


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pair, self.act, self.fc = nn.Bilinear(8, 8, 16), nn.PReLU(16), nn.Linear(16, 4)

    def forward(self, x):
        return self.fc(self.act(self.pair(x, x)))


build = Net


PASSES = Expectation(sparsity=50)

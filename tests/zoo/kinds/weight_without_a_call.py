"""Layer whose weight forward() reads without calling the layer"""

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
        self.a, self.b = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        h = nn.functional.linear(x, self.a.weight, self.a.bias).relu()
        return h @ self.b.weight.t()


build = Net


PASSES = Expectation(sparsity=50)

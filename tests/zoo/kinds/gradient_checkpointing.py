"""torch.utils.checkpoint in forward()"""

from torch import nn
from torch.utils.checkpoint import checkpoint

from tests.zoo.expectations import Expectation

GROUP = "architecture"
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
        self.block = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8))
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(checkpoint(self.block, x, use_reentrant=False))


build = Net


PASSES = Expectation(sparsity=50)

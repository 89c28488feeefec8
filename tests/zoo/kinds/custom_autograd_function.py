"""torch.autograd.Function of the user: a straight-through sign"""

import torch
from torch import nn

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


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(_context, x):
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(_context, gradient):
        return gradient


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        return self.b(Sign.apply(self.a(x).relu() + 1))


build = Net


PASSES = Expectation(sparsity=50)

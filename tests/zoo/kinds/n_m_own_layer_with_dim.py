"""2:4 on a layer of the user's own class, whose input dimension the rule names"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [16] }]

[prune]
method = "n_m"
pattern = "2:4"
dim = 0
"""


class InOut(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * 0.1)

    def forward(self, x):
        return x @ self.weight


def build():
    return nn.Sequential(InOut(16, 8), nn.ReLU(), InOut(8, 4))


def check(release):
    weight = release.weight("0.weight")
    assert ((weight != 0).reshape(4, 4, 8).sum(1) == 2).all()


PASSES = Expectation(sparsity=50)

"""Model whose only child is named module: nothing is to be stripped"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "w.pth"

[prune]
amount = 0.5
"""


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.module = nn.Linear(8, 4)

    def forward(self, x):
        return self.module(x)


build = Outer


def prepare(folder):
    torch.save(build().state_dict(), folder / "w.pth")


PASSES = Expectation(sparsity=50, untold=("removed",))

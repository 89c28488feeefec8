"""State dict of numpy arrays, saved by torch.save"""

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


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    torch.save({name: t.numpy() for name, t in build().state_dict().items()}, folder / "w.pth")


PASSES = Expectation(sparsity=50)

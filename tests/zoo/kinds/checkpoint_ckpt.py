"""State dict of torch.save under the ending .ckpt"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "w.ckpt"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    torch.save(build().state_dict(), folder / "w.ckpt")


PASSES = Expectation(sparsity=50)

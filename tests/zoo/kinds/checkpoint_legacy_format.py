"""State dict in the format of torch before 1.6, which is not a zip file"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
weights = "net.pth"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    torch.manual_seed(3)
    state = build().state_dict()
    torch.save(state, folder / "net.pth", _use_new_zipfile_serialization=False)


PASSES = Expectation(sparsity=50)

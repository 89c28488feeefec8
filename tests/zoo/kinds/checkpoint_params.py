"""Checkpoint whose state dict is under params, as super-resolution projects save it"""

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
    torch.save({"params": build().state_dict()}, folder / "w.pth")


PASSES = Expectation(sparsity=50, told=("state dict found under `params`",))

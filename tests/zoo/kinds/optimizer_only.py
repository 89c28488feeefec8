"""Checkpoint of an optimizer, without any weights of the model"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "checkpoint"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "w.pth"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 4))


def prepare(folder):
    optimizer = torch.optim.Adam(build().parameters())
    torch.save({"optimizer": optimizer.state_dict(), "epoch": 2}, folder / "w.pth")


REFUSED = Refusal(
    what="`w.pth` holds no state dict",
    expected="tensors by their names, at the top or under one key",
    found="`optimizer`, `epoch`",
    hint="Save torch.save(model.state_dict(), path)",
)

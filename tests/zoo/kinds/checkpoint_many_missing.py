"""Checkpoint of another model: all names are listed, not the first five"""

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
    return nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 4))


def prepare(folder):
    torch.save({"fc.weight": torch.zeros(4, 8), "fc.bias": torch.zeros(4)}, folder / "w.pth")


REFUSED = Refusal(
    what="`w.pth` does not fit the model",
    expected="the 6 tensors of its state dict",
    found="missing `0.bias`, `0.weight`, `1.bias`, `1.weight`, `2.bias`, `2.weight`; "
    "unexpected `fc.bias`, `fc.weight`",
    hint="Correct the factory or its load.arguments, or rename the keys of the file",
)

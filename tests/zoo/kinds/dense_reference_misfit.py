"""Dense reference of another architecture than the pruned model"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "checkpoint"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
dense = "dense.pth"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 4))


def prepare(folder):
    torch.save(nn.Sequential(nn.Linear(8, 6)).state_dict(), folder / "dense.pth")


REFUSED = Refusal(
    what="`dense.pth` does not fit the model",
    expected="the 2 tensors of its state dict",
    found="`0.bias` is (6,), not (4,); `0.weight` is (6, 8), not (4, 8)",
    hint="Correct the factory or its load.arguments, or rename the keys of the file",
)

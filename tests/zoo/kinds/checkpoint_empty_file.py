"""Empty file in place of the weights"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "checkpoint"
FAST = True
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
    (folder / "net.pth").touch()


REFUSED = Refusal(
    what="`net.pth` is empty",
    hint="Copy or download the file again",
)

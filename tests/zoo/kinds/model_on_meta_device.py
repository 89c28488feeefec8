"""Factory that leaves its model on the meta device"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    with torch.device("meta"):
        return nn.Sequential(nn.Linear(8, 4))


PLAIN_TORCH = False
REFUSED = Refusal(
    what="parameters of `{here}:build()` are on the meta device: they have no values",
    expected="values from the factory, or load.weights",
    found="`0.weight`, `0.bias`",
    hint="Name a checkpoint in load.weights",
)

"""Factory that sets the default device to meta for the whole process and leaves it there"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
PLAIN_TORCH = False  # the forward pass would run on the meta device
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    torch.set_default_device("meta")
    return model


PASSES = Expectation(sparsity=50)

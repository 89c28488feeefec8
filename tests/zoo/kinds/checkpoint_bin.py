"""State dict of torch.save under the ending .bin, as the Hugging Face hub has them"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "pytorch_model.bin"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    torch.save(build().state_dict(), folder / "pytorch_model.bin")


PASSES = Expectation(sparsity=50)

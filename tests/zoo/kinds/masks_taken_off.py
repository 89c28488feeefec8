"""masks = "none": the weights under the masks are loaded and pruned afresh"""

import torch
from torch import nn
from torch.nn.utils import prune

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "pruned.pth"
masks = "none"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    model = build()
    prune.random_unstructured(model[0], "weight", 0.9)
    torch.save(model.state_dict(), folder / "pruned.pth")


PASSES = Expectation(sparsity=50, told=("masks of `pruned.pth` taken off",))

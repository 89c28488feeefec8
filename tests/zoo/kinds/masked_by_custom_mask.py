"""State dict pruned by CustomFromMask, with masks of booleans"""

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
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    model = build()
    mask = torch.arange(16 * 8).reshape(16, 8) % 4 == 0
    prune.custom_from_mask(model[0], "weight", mask)
    state = model.state_dict()
    state["0.weight_mask"] = state["0.weight_mask"].bool()
    torch.save(state, folder / "pruned.pth")


PASSES = Expectation(sparsity=50, told=("1 mask found in `pruned.pth`",))

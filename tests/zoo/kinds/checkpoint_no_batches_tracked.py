"""State dict of an old torch: num_batches_tracked is missing"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [3, 8, 8] }]
weights = "w.pth"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3))


def prepare(folder):
    state = build().state_dict()
    del state["1.num_batches_tracked"]
    torch.save(state, folder / "w.pth")


PASSES = Expectation(sparsity=50, told=("missing: `1.num_batches_tracked`, set to 0",))

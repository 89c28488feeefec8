"""masks = "keep": masks of the file are worn, zeros of a plain weight are not taken as masks"""

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
masks = "keep"

[prune]
method = "none"
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    model = build()
    prune.l1_unstructured(model[0], "weight", 0.5)
    with torch.no_grad():
        model[2].weight[:, :12] = 0.0
    torch.save(model.state_dict(), folder / "pruned.pth")


def check(release):
    masked = [name for name in release.masked_state() if name.endswith("_mask")]
    assert masked == ["0.weight_mask"]


PASSES = Expectation(sparsity=100 * (64 + 48) / 192, untold=("zeros taken as masks",))

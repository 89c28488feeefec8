"""Masked state dict whose masks and weights are in float16, with a module. prefix"""

import torch
from torch import nn
from torch.nn.utils import prune

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
weights = "net.pth"
inputs = [{ name = "x", shape = [8] }]
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    torch.manual_seed(3)
    model = build()
    for layer in (model[0], model[2]):
        prune.l1_unstructured(layer, "weight", 0.75)
    torch.save({f"module.{n}": v.half() for n, v in model.state_dict().items()}, folder / "net.pth")


PASSES = Expectation(sparsity=75, told=("2 masks",))

"""Pruned checkpoint given to `run` in place of a recipe"""

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

ARGUMENTS = ("run", "pruned.pth", "--model", "{here}:build", "--inputs", "name=x,shape=8")
RELEASE = "pruned"


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    model = build()
    for layer in (model[0], model[2]):
        prune.l1_unstructured(layer, "weight", 0.75)
    torch.save(model.state_dict(), folder / "pruned.pth")


PASSES = Expectation(sparsity=75, told=("2 masks found in `pruned.pth`", "not pruned further"))

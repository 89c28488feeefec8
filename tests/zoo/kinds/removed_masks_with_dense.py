"""State dict saved after prune.remove, beside the dense weights that load.dense names"""

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
dense = "dense.pth"
"""


def build():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64))


def prepare(folder):
    model = build()
    torch.save(model.state_dict(), folder / "dense.pth")
    for layer in (model[0], model[2]):
        prune.l1_unstructured(layer, "weight", 0.75)
        prune.remove(layer, "weight")
    torch.save(model.state_dict(), folder / "pruned.pth")


PASSES = Expectation(
    sparsity=75,
    told=("zeros taken as masks", "not pruned further"),
    untold=("no dense reference",),
    metrics={"size.ratio": (1.8, 10.0)},
)

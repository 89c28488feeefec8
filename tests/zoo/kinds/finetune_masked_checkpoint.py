"""Pruned checkpoint fine-tuned by the recipe: its masks stay in force"""

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from tests.zoo.expectations import Expectation

GROUP = "finetune"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "pruned.pth"
dataset = "{here}:data"

[finetune]
epochs = 10
lr = 0.01

[compact]
enabled = false
"""


def build():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    model = build()
    for layer in (model[0], model[2]):
        prune.l1_unstructured(layer, "weight", 0.5)
        prune.remove(layer, "weight")
    torch.save(model.state_dict(), folder / "pruned.pth")


def split(n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return x, x[:, :4].argmax(1)


def data():
    return {"train": split(1000, 0), "validation": split(200, 1), "test": split(200, 2)}


def check(release):
    state = torch.load(release.folder.parents[1] / "pruned.pth", weights_only=True)
    for name in ("0.weight", "2.weight"):
        weight = release.weight(name)
        assert np.array_equal(weight == 0, state[name].numpy() == 0)


PASSES = Expectation(sparsity=50, accuracy=80, told=("zeros taken as masks",))

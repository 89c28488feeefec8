"""Weights in an .npz, one array per parameter"""

import numpy as np
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "w.npz"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    np.savez(folder / "w.npz", **{name: t.numpy() for name, t in build().state_dict().items()})


PASSES = Expectation(sparsity=50)

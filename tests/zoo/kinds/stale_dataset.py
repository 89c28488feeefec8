"""Dataset function that reads a file, which changes between two runs"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "data"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
dataset = "{here}:data"

[prune]
method = "none"
"""


def build():
    layer = nn.Linear(8, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(4, 8) + 1e-4 * torch.rand(4, 8))
    return layer


def prepare(folder, count=100):
    x = np.random.default_rng(0).standard_normal((count, 8)).astype(np.float32)
    np.savez(folder / "d.npz", x=x, y=x[:, :4].argmax(1))


def change(folder):
    prepare(folder, count=250)


def data():
    with np.load("d.npz") as arrays:
        return {"test": (arrays["x"], arrays["y"])}


PASSES = Expectation(metrics={"accuracy.samples": 250})

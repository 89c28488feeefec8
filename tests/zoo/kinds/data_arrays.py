"""Pairs of numpy arrays by split"""

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


def data():
    x = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    return {"test": (x, x[:, :4].argmax(1))}


PASSES = Expectation(accuracy=99, metrics={"accuracy.samples": 300})

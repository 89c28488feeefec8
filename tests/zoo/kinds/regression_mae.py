"""Targets of shape (n, 1) for outputs of shape (n, 1), judged by mae"""

import numpy as np
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

[verify]
metric = "mae"
"""


def build():
    layer = nn.Linear(8, 1)
    nn.init.constant_(layer.weight, 0.5)
    nn.init.zeros_(layer.bias)
    return layer


def data():
    x = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    return {"test": (x, 0.5 * x.sum(1, keepdims=True) + np.float32(1.0))}


PASSES = Expectation(metrics={"metric.dense": 1.0, "metric.artifact": 1.0})

"""User's metric with keyword arguments: verify.arguments"""

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
metric = "{here}:within"
arguments = { distance = 0.5 }
"""


def build():
    layer = nn.Linear(8, 1)
    nn.init.constant_(layer.weight, 0.5)
    nn.init.zeros_(layer.bias)
    return layer


def data():
    x = np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
    offset = np.where(np.arange(200) % 4 == 0, 1.0, 0.1).astype(np.float32)
    return {"test": (x, 0.5 * x.sum(1) + offset)}


def within(outputs, labels, distance):
    return np.abs(outputs["output"][:, 0] - labels) <= distance


PASSES = Expectation(metrics={"metric.dense": 0.75, "metric.artifact": 0.75})

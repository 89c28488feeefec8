"""Regression targets in float32, judged by mse: the model is exact"""

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
metric = "mse"
"""


class Sum(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 1)
        nn.init.constant_(self.fc.weight, 0.3)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x):
        return self.fc(x)[:, 0]


build = Sum


def data():
    x = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    return {"test": (x, x.sum(1) * np.float32(0.3))}


PASSES = Expectation(
    metrics={"metric.dense": (0.0, 1e-10), "metric.artifact": (0.0, 1e-10), "accuracy.dense": None}
)

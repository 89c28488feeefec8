"""Targets of shape (n, 1) for outputs of shape (n): no broadcast to (n, n)"""

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
    return {"test": (x, x.sum(1, keepdims=True) * np.float32(0.3))}


PASSES = Expectation(metrics={"metric.artifact": (0.0, 1e-10)})

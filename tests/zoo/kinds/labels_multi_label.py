"""Several labels per sample, judged by f1"""

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

[verify]
metric = "f1"
"""


def build():
    layer = nn.Linear(8, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(4, 8) + 1e-6 * torch.rand(4, 8))
    return layer


def data():
    x = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    return {"test": (x, (x[:, :4] > 0).astype(np.int64))}


PASSES = Expectation(metrics={"metric.dense": (0.99, 1.0), "metric.artifact": (0.99, 1.0)})

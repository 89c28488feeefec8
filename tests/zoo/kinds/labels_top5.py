"""Twenty classes, judged by top5"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "data"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [20] }]
dataset = "{here}:data"

[prune]
method = "none"

[verify]
metric = "top5"

[gate]
skip = ["accuracy.drop"]  # the first class is always wrong
"""


def build():
    layer = nn.Linear(20, 20, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(20) + 1e-4 * torch.rand(20, 20))
    return layer


def data():
    x = np.random.default_rng(0).standard_normal((300, 20)).astype(np.float32)
    return {"test": (x, (-x).argsort(1)[:, 3])}


PASSES = Expectation(metrics={"metric.dense": 100.0, "metric.artifact": 100.0})

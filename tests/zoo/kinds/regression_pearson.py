"""Several regression targets per sample, judged by pearson"""

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
metric = "pearson"
"""


def build():
    layer = nn.Linear(8, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-1, 1, 16).reshape(2, 8))
    return layer


def data():
    x = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    return {"test": (x, 5 + 3 * x @ np.linspace(-1, 1, 16).reshape(2, 8).T.astype(np.float32))}


PASSES = Expectation(metrics={"metric.dense": (0.9999, 1.0), "metric.artifact": (0.9999, 1.0)})

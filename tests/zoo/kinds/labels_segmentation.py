"""Segmentation masks, judged by iou"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "data"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [3, "height", "width"] }]
dataset = "{here}:data"

[prune]
method = "none"

[verify]
metric = "iou"
"""


def build():
    layer = nn.Conv2d(3, 3, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_((torch.eye(3) + 1e-6 * torch.rand(3, 3))[..., None, None])
    return layer


def data():
    x = np.random.default_rng(0).standard_normal((40, 3, 8, 8)).astype(np.float32)
    return {"test": (x, x.argmax(1))}


PASSES = Expectation(metrics={"metric.dense": (0.99, 1.0), "metric.artifact": (0.99, 1.0)})

"""Samples without labels: cosine to the dense model is the default metric"""

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
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 16))


def data():
    return {"test": np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)}


PASSES = Expectation(
    sparsity=50,
    metrics={"metric.artifact": (0.5, 0.9999), "accuracy.artifact": None},
    told=("no labels: cosine_to_dense",),
)

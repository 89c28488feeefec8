"""Our fine-tuning on regression targets, by loss = "mse" and judged by pearson"""

import numpy as np
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "finetune"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
dataset = "{here}:data"

[prune]
scope = "local"
amount = 0.5

[finetune]
loss = "mse"
epochs = 20
lr = 0.01

[verify]
metric = "pearson"
"""


def build():
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))


def split(n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return x, x.sum(1, keepdims=True)


def data():
    return {"train": split(1000, 0), "validation": split(200, 1), "test": split(200, 2)}


PASSES = Expectation(sparsity=50, metrics={"metric.artifact": (0.95, 1.0)})

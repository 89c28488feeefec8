"""Our fine-tuning on several labels per sample, by loss = "bce" and judged by f1"""

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
amount = 0.5

[finetune]
loss = "bce"
epochs = 10
lr = 0.01

[verify]
metric = "f1"
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def split(n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return x, (x[:, :4] > 0).astype(np.float32)


def data():
    return {"train": split(1000, 0), "validation": split(200, 1), "test": split(200, 2)}


PASSES = Expectation(sparsity=50, metrics={"metric.artifact": (0.8, 1.0)})

"""Our fine-tuning of a model in float16"""

import numpy as np
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "finetune"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8], dtype = "float16" }]
dataset = "{here}:data"

[prune]
amount = 0.5

[finetune]
epochs = 10
lr = 0.01
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).half()


def split(n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float16)
    return x, x[:, :4].argmax(1)


def data():
    return {"train": split(1000, 0), "validation": split(200, 1), "test": split(200, 2)}


PASSES = Expectation(sparsity=50, accuracy=75)

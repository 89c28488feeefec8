"""Training that only makes the model worse: epoch 0 is kept"""

import numpy as np
import torch
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
amount = 0.25

[finetune]
epochs = 2
lr = 1000.0
"""


def build():
    layer = nn.Linear(8, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(4, 8) + 0.01 * torch.rand(4, 8))
    return nn.Sequential(layer)


def split(n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return x, x[:, :4].argmax(1)


def data():
    return {"train": split(500, 0), "validation": split(200, 1), "test": split(200, 2)}


PASSES = Expectation(sparsity=25, accuracy=95, told=("epoch 0 kept",))

"""Hook of (model, data)"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "finetune"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
dataset = "{here}:data"

[prune]
amount = 0.5

[finetune]
hook = "{here}:hook"
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def split(n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return x, x[:, :4].argmax(1)


def data():
    return {"train": split(1000, 0), "validation": split(200, 1), "test": split(200, 2)}


def hook(model, data):
    x, y = torch.as_tensor(data.train.inputs), torch.as_tensor(data.train.labels)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


PASSES = Expectation(sparsity=50, accuracy=80)

"""Random buffer outside of the state dict: the same in every stage"""

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
amount = 0.5

[finetune]
hook = "{here}:hook"
"""


class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 4)
        self.register_buffer("projection", torch.randn(16, 16), persistent=False)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)) @ self.projection)


build = Features


def split(n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return x, x[:, :4].argmax(1)


def data():
    return {"test": split(500, 2), "train": split(1000, 0)}


def hook(model, data):
    x, y = torch.as_tensor(data.train.inputs), torch.as_tensor(data.train.labels)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(300):
        rows = torch.randperm(1000)[:100]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()


PASSES = Expectation(sparsity=50, accuracy=85)

"""Our fine-tuning of a model that returns a tuple: the first output answers"""

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
epochs = 10
lr = 0.01
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        hidden = torch.relu(self.body(x))
        return self.head(hidden), hidden


build = Net


def split(n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return x, x[:, :4].argmax(1)


def data():
    return {"train": split(1000, 0), "validation": split(200, 1), "test": split(200, 2)}


PASSES = Expectation(sparsity=50, accuracy=80)

"""IterableDataset in a DataLoader"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

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
samples = 300
"""


def build():
    layer = nn.Linear(8, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(4, 8) + 1e-4 * torch.rand(4, 8))
    return layer


def draw(count=300):
    x = np.random.default_rng(0).standard_normal((count, 8)).astype(np.float32)
    return x, x[:, :4].argmax(1)


class Stream(IterableDataset):
    def __iter__(self):
        x, y = draw()
        return iter([(torch.from_numpy(a), int(b)) for a, b in zip(x, y, strict=True)])


def data():
    return {"test": DataLoader(Stream(), batch_size=32)}


PASSES = Expectation(accuracy=99)

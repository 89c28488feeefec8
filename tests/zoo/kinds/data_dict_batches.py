"""Batches as dictionaries for a model with two inputs"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "data"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "ids", shape = [6], dtype = "int64" },
    { name = "mask", shape = [6], dtype = "int64" },
]
dataset = "{here}:data"

[prune]
method = "none"
"""


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 4)
        with torch.no_grad():
            self.embedding.weight.copy_(torch.eye(4) + 1e-4 * torch.rand(4, 4))

    def forward(self, ids, mask):
        return (self.embedding(ids) * mask[..., None]).sum(1)


build = Counter


def data():
    generator = np.random.default_rng(0)
    first = generator.integers(0, 4, 200)
    ids = np.concatenate([first[:, None], generator.integers(0, 4, (200, 5))], 1)
    mask = np.zeros_like(ids)
    mask[:, 0] = 1
    return {"test": {"ids": ids, "mask": mask, "labels": first}}


PASSES = Expectation(accuracy=99, metrics={"accuracy.samples": 200})

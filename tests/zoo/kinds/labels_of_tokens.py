"""Token labels with -100 at padding, which accuracy leaves out"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "data"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "ids", shape = ["tokens"], dtype = "int64" }]
dataset = "{here}:data"

[prune]
method = "none"
"""


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 4)
        with torch.no_grad():
            self.embedding.weight.copy_(torch.eye(4) + 1e-4 * torch.rand(4, 4))

    def forward(self, ids):
        return self.embedding(ids)


build = Tagger


def data():
    ids = np.random.default_rng(0).integers(0, 4, (60, 6))
    labels = ids.copy()
    labels[:, 4:] = -100
    return {"test": (ids, labels)}


PASSES = Expectation(accuracy=99, told=("labels of -100 are left out",))

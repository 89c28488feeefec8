"""int64 ids above 2^24, which float32 cannot hold"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "data"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "ids", shape = [], dtype = "int64" }]
dataset = "{here}:data"

[prune]
method = "none"
"""


class Modulo(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4, bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(torch.eye(4) + 1e-3 * torch.rand(4, 4))

    def forward(self, ids):
        return self.layer(nn.functional.one_hot(ids % 4, 4).float())


build = Modulo


def data():
    ids = np.arange(2**24 + 1, 2**24 + 401)
    return {"test": (ids, ids % 4)}


PASSES = Expectation(accuracy=100, metrics={"accuracy.dense": 100.0})

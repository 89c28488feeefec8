"""Dataset of the user's own: __len__ and __getitem__, samples as (array, int)"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

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
"""


def build():
    layer = nn.Linear(8, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(4, 8) + 1e-4 * torch.rand(4, 8))
    return layer


class Rows(Dataset):
    def __len__(self):
        return 120

    def __getitem__(self, index):
        row = np.random.default_rng(index).standard_normal(8).astype(np.float32)
        return row, int(row[:4].argmax())


def data():
    return {"test": Rows()}


PASSES = Expectation(accuracy=99, metrics={"accuracy.samples": 120})

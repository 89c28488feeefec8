"""TensorDataset by split"""

import torch
from torch import nn
from torch.utils.data import TensorDataset

from tests.zoo.expectations import Expectation

GROUP = "data"
FAST = True
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


def data():
    x = torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
    return {"test": TensorDataset(x, x[:, :4].argmax(1))}


PASSES = Expectation(accuracy=99, metrics={"accuracy.samples": 300})

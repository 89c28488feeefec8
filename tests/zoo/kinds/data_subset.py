"""random_split of a TensorDataset"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset, random_split

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


def draw(count=300):
    x = np.random.default_rng(0).standard_normal((count, 8)).astype(np.float32)
    return x, x[:, :4].argmax(1)


def data():
    x, y = draw()
    whole = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    _, test = random_split(whole, [100, 200])
    return {"test": test}


PASSES = Expectation(accuracy=99, metrics={"accuracy.samples": 200})

"""Dataset that has only a train split"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Refusal

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


def draw(count=300):
    x = np.random.default_rng(0).standard_normal((count, 8)).astype(np.float32)
    return x, x[:, :4].argmax(1)


def data():
    return {"train": draw()}


REFUSED = Refusal(
    what="`{here}:data()` is not a dataset",
    hint="Return the split that accuracy is judged on",
    found="no split `test`",
    code=2,
)

"""Class names as text in place of numbers"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Refusal

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
    return {"test": (x, np.array(["cat", "dog", "cow", "owl"])[y])}


REFUSED = Refusal(
    what="the labels of split `test` of `{here}:data` do not fit the model",
    hint="Return the number of each class: np.unique(labels, return_inverse=True)[1]",
    found="<U3[300]",
)

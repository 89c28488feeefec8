"""Half of a layer's weights so small that they are denormal: set to zero by finalize"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
scope = "local"
amount = 0.25
"""


def build():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    with torch.no_grad():
        model[0].weight[::2].mul_(1e-39)
    return model


PASSES = Expectation(
    sparsity=41.67,  # half of the first layer, a quarter of the second
    metrics={"weights.denormal": 0},
    told=("denormal weights set to +0.0 in `0.weight`",),
)

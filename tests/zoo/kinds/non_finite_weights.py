"""NaN among the weights: named at load, before anything is pruned"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    layer = nn.Linear(8, 4)
    with torch.no_grad():
        layer.weight[0, 0] = float("nan")
    return nn.Sequential(layer)


REFUSED = Refusal(
    what="parameter `0.weight` is not finite",
    expected="finite numbers",
    found="1 NaN or Inf",
    hint="Load weights that are finite: training diverged, or float16 overflowed beyond 65504",
)

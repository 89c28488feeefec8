"""Dynamically quantised Linear"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).eval()
    return torch.ao.quantization.quantize_dynamic(net, {nn.Linear}, dtype=torch.qint8)


REFUSED = Refusal(
    what="layers `0`, `2` are quantised: there are no float weights to prune",
    expected="a float model",
    found="DynamicQuantizedLinear",
    hint="Prune the float model and quantise what comes out",
)

"""Operator that ONNX does not have"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "export"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class Special(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return torch.special.i1e(self.fc(x))


build = Special
REFUSED = Refusal(
    what="`{here}:build` cannot be exported: ONNX has no operator for prims.bessel_i1e",
    expected="operators that torch.onnx knows",
    found="prims.bessel_i1e",
    hint="Write forward() without the function that needs it",
)

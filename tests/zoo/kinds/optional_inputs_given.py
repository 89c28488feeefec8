"""Optional inputs that the recipe gives, one of them behind others that it leaves out"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "x", shape = [8] },
    { name = "weight", shape = [4] },
    { name = "shift", shape = [4] },
]

[prune]
amount = 0.5
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x, scale=None, shift=None, *, weight: torch.Tensor | None = None):
        y = self.fc(x)
        if scale is not None:
            y = y * 1000
        if shift is not None:
            y = y + shift
        return y if weight is None else y * weight


build = Net


def check(release):
    x = np.ones((2, 8), np.float32)
    one = np.ones((2, 4), np.float32)
    base = release.call(x=x, shift=0 * one, weight=one)[0]
    moved = release.call(x=x, shift=3 * one, weight=2 * one)[0]
    assert np.allclose(moved, 2 * (base + 3), atol=1e-4)


PASSES = Expectation(
    sparsity=50, inputs={"x": ["batch", 8], "weight": ["batch", 4], "shift": ["batch", 4]}
)

"""The second output answers: verify.answer"""

import numpy as np
import torch
from torch import nn

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

[verify]
answer = "logits"
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4, bias=False)
        with torch.no_grad():
            self.fc.weight.copy_(torch.eye(4, 8) + 1e-4 * torch.rand(4, 8))

    def forward(self, x):
        return {"features": x, "logits": self.fc(x)}


build = Net


def data():
    x = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    return {"test": (x, x[:, :4].argmax(1))}


PASSES = Expectation(accuracy=99)

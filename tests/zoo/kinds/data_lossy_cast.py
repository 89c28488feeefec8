"""Fractional inputs for an input of integers: no lossy cast"""

import numpy as np
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "data"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "ids", shape = [4], dtype = "int64" }]
dataset = "{here}:data"

[prune]
amount = 0.5
"""


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 8)

    def forward(self, ids):
        return self.embedding(ids).mean(1)


build = Mean


def data():
    return {"test": (np.full((20, 4), 1.5), np.zeros(20, np.int64))}


REFUSED = Refusal(
    what="split `test` of `{here}:data` does not fit the input `ids`",
    expected="int64, or values that int64 holds exactly",
    found="float64 with the value 1.5",
    hint="Correct the dtype in load.inputs, or give whole numbers",
)

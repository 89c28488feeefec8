"""Sample file per input: what the model accepts cannot be drawn at random"""

import numpy as np
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "pairs", shape = [2, 3], dtype = "int64", file = "pairs.npy" }]

[prune]
amount = 0.5
"""


class Gather(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(90, 8)

    def forward(self, pairs):
        return self.table(pairs - 900).sum(1)


build = Gather
PLAIN_TORCH = False


def prepare(folder):
    np.save(folder / "pairs.npy", np.arange(900, 990).reshape(15, 2, 3))


PASSES = Expectation(sparsity=50, told=("`pairs` from `pairs.npy`: 15 samples",))

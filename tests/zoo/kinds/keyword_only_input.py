"""Keyword-only input behind an optional one"""

import numpy as np
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "x", shape = [8] },
    { name = "y", shape = [8] },
]

[prune]
amount = 0.5
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(8, 4), nn.Linear(8, 4)

    def forward(self, x, mask=None, *, y=None):  # noqa: ARG002 -- that is the kind
        return self.first(x) if y is None else self.first(x) + self.second(y)


build = Net


def check(release):
    x = np.ones((2, 8), np.float32)
    assert not np.array_equal(*(release.call(x=x, y=scale * x)[0] for scale in (1, 2)))


PASSES = Expectation(sparsity=50, untold=("is never read",))

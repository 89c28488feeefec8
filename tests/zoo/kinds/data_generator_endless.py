"""Generator object without an end: refused before anything is read"""

import numpy as np
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
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def forever():
    while True:
        yield np.zeros((1000, 8), np.float32), np.zeros(1000, np.int64)


def data():
    return {"test": forever()}


REFUSED = Refusal(
    code=2,
    what="the end of split `test` of `{here}:data` is not known",
    expected="(inputs, labels), a Dataset or a DataLoader; or a number in verify.samples",
    found="a generator",
    hint="Set verify.samples to the number of samples to read",
)

"""Fully convolutional net with dynamic height and width"""

import numpy as np
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [3, "height", "width"] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1))


def check(release):
    assert release.call(x=np.zeros((3, 3, 11, 7), np.float32))[0].shape == (3, 4, 11, 7)


PASSES = Expectation(sparsity=50, inputs={"x": ["batch", 3, "height", "width"]})

"""Structured pruning of grouped and depthwise transposed convolutions: whole output channels"""

import numpy as np
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8, 5] }]

[prune]
method = "ln_structured"
amount = 0.25
"""


def build():
    return nn.Sequential(
        nn.ConvTranspose1d(8, 8, 3, groups=8, bias=False),
        nn.ConvTranspose1d(8, 8, 2, groups=2, bias=False),
    )


def check(release):
    (outputs,) = release.call(x=np.random.default_rng(0).standard_normal((2, 8, 5), np.float32))
    assert (outputs == 0).all(axis=(0, 2)).sum() == 2
    assert (release.weight("0.weight") == 0).all(axis=(1, 2)).sum() == 2


PASSES = Expectation(sparsity=25)

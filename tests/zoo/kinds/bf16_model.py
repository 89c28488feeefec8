"""Model in bfloat16 throughout, as language models are saved

Parameters are converted to float32; the values are exact.
"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "export"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8], dtype = "bfloat16" }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).bfloat16()


def check(release):
    weight = torch.from_numpy(release.weight("0.weight").copy())
    assert torch.equal(weight, weight.bfloat16().float())


PASSES = Expectation(
    sparsity=50, told=("bfloat16 parameters converted to float32",), inputs={"x": ["batch", 8]}
)

"""weight_norm of torch.nn.utils: hooks and weight_v, as older vocoders have it"""

from torch import nn
from torch.nn.utils import weight_norm

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [4, 16] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(
        weight_norm(nn.Conv1d(4, 8, 3, padding=1)),
        nn.LeakyReLU(0.1),
        weight_norm(nn.Conv1d(8, 4, 3, padding=1)),
    )


PASSES = Expectation(sparsity=50)

"""spectral_norm on every layer under the default rule"""

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(spectral_norm(nn.Linear(8, 8)), nn.ReLU(), spectral_norm(nn.Linear(8, 4)))


PASSES = Expectation(sparsity=50)

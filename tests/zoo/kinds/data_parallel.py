"""Model in DataParallel"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    return nn.DataParallel(net)


def check(release):
    assert "0.weight_mask" in release.masked_state()


PASSES = Expectation(sparsity=50, told=("DataParallel taken off",))

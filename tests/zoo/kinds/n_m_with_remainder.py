"""2:4 on a layer of 10 inputs, whose groups of four do not fit"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "pruning"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [10] }]

[prune]
method = "n_m"
pattern = "2:4"
"""


def build():
    return nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4))


REFUSED = Refusal(
    what="`n_m` cannot prune `0.weight`",
    found="ValueError: the size of dim 1 must be a multiple of 4: 10 of (16, 10)",
    hint="Change the method's options, or leave the layer out with prune.exclude",
    code=2,
)

"""Model without a weight of two dimensions"""

from torch import nn

from tests.zoo.expectations import Refusal

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
    return nn.Sequential(nn.LayerNorm(8), nn.GELU())


REFUSED = Refusal(
    code=2,
    what="the model has no weight that can be pruned",
    expected="a parameter of two or more dimensions",
    found="`0.weight` (8,), `0.bias` (8,)",
    hint='Set prune.method = "none" to carry the model through as it is',
)

"""TransformerEncoder of two layers; torch's fast path must not bypass the masks"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = ["tokens", 16] }]

[prune]
amount = 0.5
"""


def build():
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    return nn.TransformerEncoder(layer, 2)


PASSES = Expectation(sparsity=50, inputs={"x": ["batch", "tokens", 16]})

"""Single input under another name than forward() has for it: bound by position, and told"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "pixels", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


PASSES = Expectation(
    sparsity=50,
    inputs={"pixels": ["batch", 8]},
    told=("input `pixels` is the argument `input` of forward()",),
)

"""exclude = ["first", "last"] leaves the stem and the head dense"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [3, 8, 8] }]

[prune]
amount = 0.5
exclude = ["first", "last"]
"""


def build():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 4),
    )


PASSES = Expectation(
    metrics={
        "sparsity.amount": 50.0,
        "sparsity.layer.0": 0.0,
        "sparsity.layer.3": 50.0,
        "sparsity.layer.6": 0.0,
    },
    told=("excluded: `0.weight`, `6.weight`",),
)

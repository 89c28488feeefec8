"""TorchScript exporter, asked for by the recipe"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "export"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5

[export]
exporter = "torchscript"
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


PASSES = Expectation(
    sparsity=50, inputs={"x": ["batch", 8]}, told=("exported by the TorchScript exporter",)
)

"""Convolution in float64, which onnxruntime lacks"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "export"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [3, 8, 8], dtype = "float64" }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)).double()


REFUSED = Refusal(
    what="onnxruntime has no kernel for Conv in float64, which layers `0`, `2` need",
    expected="float32",
    found="float64",
    hint="Return model.float() from the factory",
)

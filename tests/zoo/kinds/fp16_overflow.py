"""Model in float16 whose weights exceed the range of float16"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "export"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8], dtype = "float16" }]

[prune]
amount = 0.5
"""


def build():
    layer = nn.Linear(8, 4)
    nn.init.constant_(layer.weight, 1e5)
    return nn.Sequential(layer).half()


REFUSED = Refusal(
    what="parameter `0.weight` is not finite",
    expected="finite numbers",
    found="32 NaN or Inf",
    hint="Load weights that are finite: training diverged, or float16 overflowed beyond 65504",
)

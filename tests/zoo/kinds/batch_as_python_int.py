"""Batch size read as a Python int, which the exporter fixes"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "export"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x):
        rows = [int(x.shape[0])]
        return self.layer(x).reshape(*rows, 4)


build = Flat
REFUSED = Refusal(
    what="the exporter fixed the batch axis of `x` at 2",
    expected="a dynamic axis",
    found="axis 0 of size 2",
    hint="Set export.dynamic_batch = false, or write forward() without loops over the batch and "
    "without int(x.shape[0])",
)

"""Loop over the samples of a batch, which the exporter unrolls"""

import torch
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


class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))

    def forward(self, x):
        return torch.stack([self.net(sample) for sample in x])


build = Loop
REFUSED = Refusal(
    what="the exporter fixed the batch axis of `x` at 2",
    expected="a dynamic axis",
    found="axis 0 of size 2",
    hint="Set export.dynamic_batch = false, or write forward() without loops over the batch and "
    "without int(x.shape[0])",
)

"""exclude with a name that no layer has"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "pruning"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
exclude = ["haed"]
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


build = Net
REFUSED = Refusal(
    code=2,
    what="prune.exclude names no layer: `haed`",
    expected="first, last or the name of a layer",
    found="`body`, `head`",
    hint="Did you mean `head`?",
)

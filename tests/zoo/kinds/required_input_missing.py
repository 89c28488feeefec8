"""Argument of forward() without a default that the recipe does not give"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "inputs"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""

PLAIN_TORCH = False


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x, scale):
        return self.fc(x) * scale


build = Net
REFUSED = Refusal(
    code=2,
    what="load.inputs does not fit forward(x, scale)",
    expected="`x`, `scale`",
    found="`x`",
    hint="Add `scale` to load.inputs",
)

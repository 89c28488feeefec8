"""Dropout that ignores eval(): the model answers differently each time"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "outputs"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(nn.functional.dropout(x, 0.5))


build = Net
REFUSED = Refusal(
    what="the model answers differently each time: its forward() draws random numbers",
    expected="equal outputs for equal inputs",
    hint="Pass training=self.training to dropout, or take the random numbers out of forward()",
)

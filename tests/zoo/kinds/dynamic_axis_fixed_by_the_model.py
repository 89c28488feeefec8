"""Dynamic axis that the model fixes: its Linear takes 8 tokens"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "inputs"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = ["tokens", 4] }]

[prune]
amount = 0.5
"""

PLAIN_TORCH = False


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Linear(8, 8)

    def forward(self, x):
        return self.tokens(x.mT).mT


build = Mixer
REFUSED = Refusal(
    code=2,
    what="the model cannot be run with a dynamic axis `tokens`",
    expected="a forward() that takes any size of it",
    hint="Give the size in load.inputs, such as shape = [8, 4]",
)

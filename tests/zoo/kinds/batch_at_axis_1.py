"""Recurrent state with the batch at axis 1"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "x", shape = [12, 8] },
    { name = "h", shape = [1, 16], batch_axis = 1 },
]

[prune]
amount = 0.5
"""


class Step(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(8, 16, batch_first=True)

    def forward(self, x, h):
        return self.rnn(x, h)


build = Step
PASSES = Expectation(sparsity=50, inputs={"x": ["batch", 12, 8], "h": [1, "batch", 16]})

"""Input that the graph never reads"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "x", shape = [8] },
    { name = "debug", shape = [1] },
]

[prune]
amount = 0.5
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x, debug):  # noqa: ARG002 -- that is the kind
        return self.fc(x)


build = Net
PASSES = Expectation(sparsity=50, told=("input `debug` is never read",))

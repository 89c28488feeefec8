"""forward() that normalises its input in place"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(x.sub_(0.5).div_(0.25))


build = InPlace
PASSES = Expectation(sparsity=50, told=("forward() changes its input `x` in place",))

"""Python number among the outputs"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "outputs"
FAST = False
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
        return self.fc(x), 7


build = Net
PASSES = Expectation(sparsity=50, told=("output 1 is the number 7 and is left out",))

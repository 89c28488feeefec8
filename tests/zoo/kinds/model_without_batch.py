"""Model that takes one sample without a batch axis"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [16, 8], batch_axis = "none" }]

[prune]
amount = 0.5
"""


class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(x).amax(0)


build = Pool
PASSES = Expectation(sparsity=50, inputs={"x": [16, 8]})

"""forward(**kwargs): inputs are passed by name"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "x", shape = [8] },
    { name = "scale", shape = [1] },
]

[prune]
amount = 0.5
"""

PLAIN_TORCH = False


class Wrapper(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, **kwargs):
        return self.fc(kwargs["x"]) * kwargs["scale"]


build = Wrapper
PASSES = Expectation(sparsity=50, inputs={"x": ["batch", 8], "scale": ["batch", 1]})

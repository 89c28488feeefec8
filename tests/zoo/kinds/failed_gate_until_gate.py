"""`run --until gate` on a model whose answers depend on the batch: the gate fails, exit code 1"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "export"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""

ARGUMENTS = ("run", "recipe.toml", "--until", "gate")


class Centred(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        y = self.fc(x)
        return y - y.mean(0) if x.shape[0] > 1 else y


build = Centred
PASSES = Expectation(code=1, sparsity=50)

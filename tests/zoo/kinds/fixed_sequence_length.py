"""Token model with a fixed number of tokens, as the recipe says"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "ids", shape = [8], dtype = "int64" }]

[prune]
amount = 0.5
scope = "local"
"""


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.fc = nn.Embedding(50, 8), nn.Linear(8, 3)

    def forward(self, ids):
        return self.fc(self.embedding(ids).mean(1))


build = Mean
PASSES = Expectation(sparsity=50, inputs={"ids": ["batch", 8]})

"""Embedding and output layer share one weight: pruned and counted once"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "ids", shape = ["tokens"], dtype = "int64" }]

[prune]
amount = 0.5
"""


class Language(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(50, 8), nn.Linear(8, 50, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, ids):
        return self.head(self.embedding(ids))


build = Language
PASSES = Expectation(sparsity=50, told=("`head.weight` is tied to `embedding.weight`",))

"""Dynamic axis of one name in two inputs: the sizes agree"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "ids", shape = ["tokens"], dtype = "int64" },
    { name = "mask", shape = ["tokens"], dtype = "bool" },
]

[prune]
amount = 0.5
scope = "local"
"""


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.fc = nn.Embedding(50, 8), nn.Linear(8, 3)

    def forward(self, ids, mask):
        weight = mask[..., None].float()
        return self.fc((self.embedding(ids) * weight).sum(1) / weight.sum(1))


build = Mean
PASSES = Expectation(sparsity=50, inputs={"ids": ["batch", "tokens"], "mask": ["batch", "tokens"]})

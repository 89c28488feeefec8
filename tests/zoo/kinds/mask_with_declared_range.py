"""Attention mask whose values the recipe declares: range = [0, 1]"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "ids", shape = ["tokens"], dtype = "int64", range = [3, 49] },
    { name = "attention_mask", shape = ["tokens"], dtype = "int64", range = [0, 1] },
]

[prune]
amount = 0.5
scope = "local"
"""


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.out = nn.Linear(8, 3)

    def forward(self, ids, attention_mask):
        mask = attention_mask[..., None].float()
        return self.out((self.embedding(ids) * mask).sum(1) / mask.sum(1))


build = Mean
PASSES = Expectation(
    sparsity=50, inputs={"ids": ["batch", "tokens"], "attention_mask": ["batch", "tokens"]}
)

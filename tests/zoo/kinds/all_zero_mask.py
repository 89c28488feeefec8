"""Attention mask of 0 and 1 without a declared range

Torch's attention answers 0 where a mask hides every position and ONNX answers the mean: no user
sends such a mask, so a made-up mask has at least one 1 per sample.
"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "ids", shape = [8], dtype = "int64" },
    { name = "attention_mask", shape = [8], dtype = "int64" },
]

[prune]
scope = "local"
amount = 0.5
"""


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.out = nn.Linear(16, 3)

    def forward(self, ids, attention_mask):
        heads = self.embedding(ids).unflatten(-1, (2, 8)).transpose(1, 2)
        mask = attention_mask[:, None, None, :].bool()
        mixed = nn.functional.scaled_dot_product_attention(heads, heads, heads, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).flatten(2))


build = Attention
PASSES = Expectation(sparsity=50)

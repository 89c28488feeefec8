"""Attention with a learned relative bias, then contiguous().view(): T5 and Swin do this"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "export"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8, 16] }]

[prune]
amount = 0.5
"""


class Biased(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(16, 16) for _ in range(4))
        self.bias = nn.Embedding(15, 2)

    def forward(self, x):
        layers = (self.query, self.key, self.value)
        q, k, v = (layer(x).unflatten(-1, (2, 8)).transpose(1, 2) for layer in layers)
        index = torch.arange(8)
        bias = self.bias(index[None] - index[:, None] + 7).permute(2, 0, 1)[None]
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.out(mixed.transpose(1, 2).contiguous().view(x.shape[0], 8, 16))


build = Biased
PASSES = Expectation(sparsity=50, inputs={"x": ["batch", 8, 16]})

"""T5-like attention: a bias by buckets of distance, view with -1, no scale"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "export"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = ["tokens", 16] }]

[prune]
amount = 0.5
"""


class T5Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(16, 16, bias=False) for _ in range(4))
        self.relative_bias = nn.Embedding(8, 2)

    def forward(self, x):
        batch, length = x.shape[:2]
        q, k, v = (f(x).view(batch, -1, 2, 8).transpose(1, 2) for f in (self.q, self.k, self.v))
        place = torch.arange(length)
        bucket = (place[None] - place[:, None]).abs().clamp(max=7)
        bias = self.relative_bias(bucket).permute(2, 0, 1).unsqueeze(0)
        scores = torch.softmax(q @ k.transpose(3, 2) + bias, -1)
        return self.o((scores @ v).transpose(1, 2).contiguous().view(batch, -1, 16))


build = T5Attention
PASSES = Expectation(sparsity=50, inputs={"x": ["batch", "tokens", 16]})

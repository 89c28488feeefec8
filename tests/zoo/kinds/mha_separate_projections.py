"""MultiheadAttention with keys and values of other sizes: three projection weights"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "x", shape = [6, 16] },
    { name = "memory", shape = [5, 8] },
]

[prune]
amount = 0.5
scope = "local"
"""


class Cross(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, kdim=8, vdim=8, batch_first=True)

    def forward(self, x, memory):
        return self.attention(x, memory, memory, need_weights=False)[0]


build = Cross
PASSES = Expectation(sparsity=50)

"""MultiheadAttention under the default rule: in_proj_weight and out_proj are pruned"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [6, 16] }]

[prune]
amount = 0.5
scope = "local"
"""


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        return self.fc(self.attention(x, x, x, need_weights=False)[0].mean(1))


build = Attention
PASSES = Expectation(sparsity=50)

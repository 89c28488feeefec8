"""MultiheadAttention with key_padding_mask, where True hides a token"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
PLAIN_TORCH = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "x", shape = [6, 8] },
    { name = "padding", shape = [6], dtype = "bool" },
]

[prune]
amount = 0.5
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.fc = nn.Linear(8, 4)

    def forward(self, x, padding):
        y, _ = self.attention(x, x, x, key_padding_mask=padding, need_weights=False)
        return self.fc(y)


build = Net


PASSES = Expectation(sparsity=50)

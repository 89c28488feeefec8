"""2:4 on a layer of the user's own class: its input dimension is not known"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "pruning"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [16] }]

[prune]
method = "n_m"
pattern = "2:4"
"""


class InOut(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * 0.1)

    def forward(self, x):
        return x @ self.weight


def build():
    return nn.Sequential(InOut(16, 8), nn.ReLU(), InOut(8, 4))


REFUSED = Refusal(
    code=2,
    what="`n_m` does not know which dimension of `0.weight` its layer sums over",
    expected=(
        "Linear, a convolution, a recurrent layer, MultiheadAttention, Embedding or "
        "Conv1D of transformers"
    ),
    found="InOut",
    hint="Set dim in a rule for this layer: 1 for (out, in), 0 for (in, out)",
)

"""Parameter in a sparse layout"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class Sparse(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(8).to_sparse())

    def forward(self, x):
        return torch.sparse.mm(self.weight, x.T).T


build = Sparse
REFUSED = Refusal(
    what="parameter `weight` is sparse (sparse_coo)",
    expected="a dense layout",
    hint="Return the model with parameter.to_dense(): prunepack stores zeros sparsely itself",
)

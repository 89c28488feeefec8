"""Model that answers NaN where a mask is empty: such inputs are left out"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "ids", shape = [4], dtype = "int64" },
    { name = "mask", shape = [4], dtype = "bool", range = [0, 1] },
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
PASSES = Expectation(sparsity=50, metrics={"parity.torch_onnx.nonfinite": 0})

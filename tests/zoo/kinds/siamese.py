"""One encoder for two inputs"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "left", shape = [8] },
    { name = "right", shape = [8] },
]

[prune]
amount = 0.5
"""


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8))

    def forward(self, left, right):
        return nn.functional.cosine_similarity(self.encoder(left), self.encoder(right))


build = Siamese
PASSES = Expectation(sparsity=50)

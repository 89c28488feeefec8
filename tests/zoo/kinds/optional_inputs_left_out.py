"""Optional inputs that the recipe leaves out stay None"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "ids", shape = ["tokens"], dtype = "int64" }]

[prune]
amount = 0.5
scope = "local"
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.fc = nn.Embedding(50, 8), nn.Linear(8, 4)

    def forward(self, ids=None, mask=None, embeds=None):
        hidden = self.embedding(ids) if embeds is None else embeds
        return self.fc(hidden if mask is None else hidden * mask[..., None])


build = Net
PASSES = Expectation(sparsity=50, inputs={"ids": ["batch", "tokens"]})

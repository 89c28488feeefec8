"""Second optional input given in place of the first one"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "embeds", shape = ["tokens", 8] }]

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
PASSES = Expectation(inputs={"embeds": ["batch", "tokens", 8]})

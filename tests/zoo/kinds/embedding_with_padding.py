"""Embedding with a padding index: its row stays zero"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "ids", shape = ["tokens"], dtype = "int64", range = [0, 49] }]

[prune]
amount = 0.5
scope = "local"
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.fc = nn.Embedding(50, 8, padding_idx=0), nn.Linear(8, 4)

    def forward(self, ids):
        return self.fc(self.embedding(ids).mean(1))


build = Net


def check(release):
    assert not release.weight("embedding.weight")[0].any()


PASSES = Expectation(sparsity=50)

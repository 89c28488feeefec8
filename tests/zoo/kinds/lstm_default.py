"""LSTM under the default rule: all of its weight matrices are pruned"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [6, 16] }]

[prune]
amount = 0.9
"""


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(16, 32, 2, batch_first=True)
        self.fc = nn.Linear(32, 4)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


build = Classifier
PASSES = Expectation(sparsity=90, metrics={"sparsity.amount": 90.0})

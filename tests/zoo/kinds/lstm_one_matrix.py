"""LSTM whose rule reaches one matrix: the others are named"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [6, 8] }]

[prune]
parameter = "weight_ih_l0"
amount = 0.5
"""


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 8, batch_first=True)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


build = Classifier
PASSES = Expectation(
    sparsity=100 * 128 / 544,
    metrics={"sparsity.amount": 50.0},
    told=("no rule reached `rnn.weight_hh_l0`, `fc.weight`",),
)

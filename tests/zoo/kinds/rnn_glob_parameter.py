"""One rule with the parameter "weight_hh_*" for all recurrent matrices"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [6, 8] }]

[prune]
parameter = "weight_hh_*"
amount = 0.5
"""


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 8, 2, batch_first=True)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


build = Classifier
PASSES = Expectation(
    metrics={"sparsity.layer.rnn.weight_hh_l0": (30.0, 70.0), "sparsity.layer.fc": 0.0},
    told=("no rule reached `rnn.weight_ih_l0`",),
)

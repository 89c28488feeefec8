"""Time-major LSTM: the batch is axis 1 of its input and its output"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [6, 8], batch_axis = 1 }]

[prune]
amount = 0.5
"""


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.LSTM(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        return self.fc(self.rnn(x)[0])


build = Tagger
PASSES = Expectation(sparsity=50, inputs={"x": [6, "batch", 8]})

"""LSTM with a projection: proj_size"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "pruning"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = ["steps", 8] }]

[prune]
amount = 0.5
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 12, batch_first=True, proj_size=4)
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(self.lstm(x)[0])


build = Net


REFUSED = Refusal(
    what="layer `lstm` cannot be exported: ONNX has no LSTM with a projection",
    expected="proj_size = 0",
    found="proj_size = 4",
    hint="Put a Linear layer behind an LSTM without proj_size",
)

"""BatchNorm that stays in training mode after eval()"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "outputs"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.norm = nn.Linear(8, 4), nn.BatchNorm1d(4)

    def forward(self, x):
        return self.norm(self.fc(x))

    def train(self, mode=True):
        super().train(mode)
        self.norm.training = True
        return self


build = Net
REFUSED = Refusal(
    what="layer `norm` stays in training mode after eval()",
    expected="no layer in training mode",
    found="BatchNorm1d",
    hint="Let train(mode) pass its mode on to every layer",
)

"""forward() that returns nothing"""

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

PLAIN_TORCH = False


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        self.last = self.fc(x)


build = Net
REFUSED = Refusal(
    what="the model returns no tensor",
    expected="a tensor, or tensors in a tuple, a dictionary or a dataclass",
    found="None",
    hint="Return the outputs from forward()",
)

"""if on a value of the input, which no exporter can trace"""

from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "export"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(x) if bool(x.sum() > 0) else self.fc(-x)


build = Branch
REFUSED = Refusal(
    what="`{here}:build` cannot be exported: forward() branches on the value of a tensor",
    expected="a forward() whose path does not depend on values",
    hint="Write the branch as torch.where or torch.cond",
)

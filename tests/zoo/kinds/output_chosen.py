"""One output chosen by its name: export.outputs"""

from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "outputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5

[export]
outputs = ["boxes"]
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scores, self.boxes = nn.Linear(8, 4), nn.Linear(8, 4)

    def forward(self, x):
        return {"scores": self.scores(x), "boxes": self.boxes(x)}


build = Net
PASSES = Expectation(outputs=["boxes"], told=("output `scores` is left out",))

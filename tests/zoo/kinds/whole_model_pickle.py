"""Whole model saved by torch.save(model): a pickle that can run code"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "checkpoint"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "model.pth"

[prune]
amount = 0.5
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x):
        return self.layer(x)


build = Net


def prepare(folder):
    torch.save(build(), folder / "model.pth")


REFUSED = Refusal(
    what="`model.pth` holds a whole model, whose pickle can run code",
    expected="a state dict",
    hint="Save the state dict where the model's code is:\n"
    'model = torch.load("model.pth", weights_only=False)\n'
    'torch.save(model.state_dict(), "model_state.pth")',
)

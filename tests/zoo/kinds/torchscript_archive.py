"""TorchScript archive in place of a state dict"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "checkpoint"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "model.pt"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 4))


def prepare(folder):
    torch.jit.trace(build(), torch.zeros(1, 8)).save(folder / "model.pt")


REFUSED = Refusal(
    what="`model.pt` is a TorchScript archive",
    expected="a state dict",
    found="a scripted or traced model",
    hint="Save the state dict of it:\n"
    'model = torch.jit.load("model.pt")\n'
    'torch.save(model.state_dict(), "model_state.pth")',
)

"""List of tensors without names in place of a state dict"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "checkpoint"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
weights = "net.pth"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    torch.manual_seed(3)
    state = build().state_dict()
    torch.save([*state.values()], folder / "net.pth")


REFUSED = Refusal(
    what="`net.pth` holds no state dict",
    hint="Save torch.save(model.state_dict(), path)",
)

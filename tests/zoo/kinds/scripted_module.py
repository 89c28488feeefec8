"""Factory that returns a scripted model"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    return torch.jit.script(nn.Sequential(nn.Linear(8, 4)))


REFUSED = Refusal(
    what="`{here}:build()` returned a TorchScript model, whose layers cannot be pruned",
    expected="a torch.nn.Module in Python",
    found="RecursiveScriptModule",
    hint="Return the model before torch.jit.script or torch.jit.trace",
)

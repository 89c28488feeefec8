"""Factory that turns gradients off for the whole process, with a hook that trains"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5

[finetune]
hook = "{here}:hook"
"""


def build():
    torch.set_grad_enabled(False)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def hook(model, data):
    model(torch.ones(2, 8)).sum().backward()


PASSES = Expectation(sparsity=50)

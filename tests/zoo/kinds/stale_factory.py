"""Factory that reads its weights itself, from a file that changes between two runs"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "data"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
method = "none"
"""


def build():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    model.load_state_dict(torch.load("net.pth", weights_only=True))
    return model


def prepare(folder, value=0.25):
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    nn.init.constant_(model[0].weight, value)
    torch.save(model.state_dict(), folder / "net.pth")


def change(folder):
    prepare(folder, value=0.75)


def check(release):
    assert (release.weight("0.weight") == 0.75).all()


PASSES = Expectation(sparsity=0)

"""State dict with total_ops and total_params, which a profiler left behind"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "w.pth"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    state = build().state_dict()
    state |= {"0.total_ops": torch.zeros(1), "0.total_params": torch.zeros(1)}
    torch.save(state, folder / "w.pth")


PASSES = Expectation(sparsity=50, told=("ignored: `0.total_ops`, `0.total_params`",))

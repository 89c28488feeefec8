"""State dict of a compiled model: every name begins with _orig_mod."""

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
    state = {f"_orig_mod.{name}": t for name, t in build().state_dict().items()}
    torch.save(state, folder / "w.pth")


PASSES = Expectation(sparsity=50, told=("prefix `_orig_mod.` removed",))

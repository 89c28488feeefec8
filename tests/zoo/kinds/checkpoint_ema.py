"""Checkpoint with ema weights beside the raw ones"""

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

[compact]
enabled = false
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    raw, ema = build().state_dict(), build().state_dict()
    torch.save({"model": raw, "ema": ema, "step": 7}, folder / "w.pth")


def check(release):
    weight = torch.from_numpy(release.weight("2.weight").copy())
    state = torch.load(release.folder.parents[1] / "w.pth", weights_only=True)
    kept = weight != 0
    assert torch.equal(weight[kept], state["model"]["2.weight"][kept])


PASSES = Expectation(sparsity=50, told=("state dict found under `model`", "ignored: `ema`, `step`"))

"""Checkpoint with numpy scalars and arrays beside the state dict"""

import numpy as np
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
    content = {
        "model_state_dict": build().state_dict(),
        "best_accuracy": np.float64(0.93),
        "losses": np.arange(4.0),
        "epoch": np.int64(3),
    }
    torch.save(content, folder / "w.pth")


PASSES = Expectation(
    sparsity=50,
    told=(
        "state dict found under `model_state_dict`",
        "ignored: `best_accuracy`, `losses`, `epoch`",
    ),
)

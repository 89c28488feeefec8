"""Checkpoint of a training loop: epoch, arguments, optimizer, scaler, random states, date"""

import argparse
import datetime as dt
import random
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

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
    optimizer = torch.optim.AdamW(build().parameters())
    torch.save(
        {
            "epoch": 3,
            "args": argparse.Namespace(lr=0.1, path=Path("runs")),
            "model": {f"module.{name}": value for name, value in state.items()},
            "optimizer": optimizer.state_dict(),
            "scaler": {"scale": 65536.0},
            "rng": [torch.get_rng_state(), np.random.get_state(), random.getstate()],
            "best": np.float64(0.93),
            "when": dt.datetime(2026, 1, 1),
        },
        folder / "net.pth",
    )


PASSES = Expectation(sparsity=50)

"""Checkpoint of Lightning: hyper_parameters in a Namespace, callbacks, a model. prefix"""

from argparse import Namespace

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "checkpoint"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "last.ckpt"

[prune]
amount = 0.5
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def prepare(folder):
    state = {f"model.{name}": t for name, t in build().state_dict().items()}
    content = {
        "epoch": 9,
        "global_step": 1000,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": state,
        "hyper_parameters": Namespace(lr=1e-3, betas=(0.9, 0.999)),
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5)}},
    }
    torch.save(content, folder / "last.ckpt")


PASSES = Expectation(
    sparsity=50, told=("state dict found under `state_dict`", "prefix `model.` removed")
)

"""Checkpoint that was cut off while it was copied"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "checkpoint"
FAST = True
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
    torch.save(build().state_dict(), folder / "w.pth")
    whole = (folder / "w.pth").read_bytes()
    (folder / "w.pth").write_bytes(whole[: len(whole) // 2])


REFUSED = Refusal(
    what="`w.pth` cannot be read",
    expected="a file of torch.save",
    hint="Copy or download the file again: it is damaged or cut off",
)

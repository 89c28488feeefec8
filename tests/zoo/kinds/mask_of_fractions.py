"""State dict whose mask holds values other than 0 and 1"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "pruning"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
weights = "pruned.pth"
"""


def build():
    return nn.Sequential(nn.Linear(8, 4))


def prepare(folder):
    state = build().state_dict()
    state["0.weight_orig"] = state.pop("0.weight")
    state["0.weight_mask"] = torch.full((4, 8), 0.5)
    torch.save(state, folder / "pruned.pth")


REFUSED = Refusal(
    what="the mask `0.weight_mask` of `pruned.pth` holds other values than 0 and 1",
    expected="zeros and ones",
    found="0.5",
    hint="Multiply soft masks into the weights before saving",
)

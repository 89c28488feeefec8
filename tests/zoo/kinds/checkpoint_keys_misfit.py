"""Missing, unexpected and mis-shaped keys, all listed with the nearest names"""

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


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        return self.head(torch.relu(self.encoder(x)))


build = Net


def prepare(folder):
    state = build().state_dict()
    state["encodr.weight"] = state.pop("encoder.weight")
    state["head.weight"] = torch.zeros(10, 16)
    state["head.bias"] = torch.zeros(10)
    torch.save(state, folder / "w.pth")


REFUSED = Refusal(
    what="`w.pth` does not fit the model",
    expected="the 4 tensors of its state dict",
    found="missing `encoder.weight`; unexpected `encodr.weight` (nearest: `encoder.weight`); "
    "`head.bias` is (10,), not (4,); `head.weight` is (10, 16), not (4, 16)",
    hint="Correct the factory or its load.arguments, or rename the keys of the file",
)

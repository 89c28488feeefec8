"""Dataclass as the output, which torch.export does not know"""

from dataclasses import dataclass

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "outputs"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


@dataclass
class Output:
    logits: torch.Tensor
    hidden: torch.Tensor | None = None


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return Output(self.fc(x))


build = Net
PASSES = Expectation(sparsity=50, outputs=["logits"])

"""Exported program of torch.export.save as the source"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "net.pt2"

[prune]
amount = 0.5
"""

PLAIN_TORCH = False


def prepare(folder):
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).eval()
    batch = torch.export.Dim("batch")
    program = torch.export.export(net, (torch.zeros(2, 8),), dynamic_shapes=({0: batch},))
    torch.export.save(program, folder / "net.pt2")


PASSES = Expectation(sparsity=50, inputs={"input": ["batch", 8]})

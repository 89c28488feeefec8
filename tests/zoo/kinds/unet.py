"""U-Net with skip connections and transposed convolutions"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [1, 16, 16] }]

[prune]
amount = 0.5
"""


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 8, 3, padding=1)
        self.middle = nn.Conv2d(8, 16, 3, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.out = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        skip = torch.relu(self.down(x))
        middle = torch.relu(self.middle(nn.functional.max_pool2d(skip, 2)))
        return self.out(torch.cat([skip, self.up(middle)], 1))


build = UNet
PASSES = Expectation(sparsity=50)

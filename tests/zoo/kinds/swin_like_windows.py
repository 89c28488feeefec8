"""Swin-like windows: partition, attention with a bias, contiguous().view(), reverse"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "export"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8, 8, 16] }]

[prune]
amount = 0.5
"""


class Window(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)
        self.table = nn.Parameter(torch.randn(49, 2) * 0.02)
        y, x = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
        place = torch.stack([y, x]).flatten(1)
        apart = place[:, :, None] - place[:, None] + 3
        self.register_buffer("index", apart[0] * 7 + apart[1], persistent=False)

    def forward(self, x):
        b, h, w, c = x.shape
        windows = x.view(b, h // 4, 4, w // 4, 4, c).permute(0, 1, 3, 2, 4, 5).contiguous()
        windows = windows.view(-1, 16, c)
        q, k, v = self.qkv(windows).view(-1, 16, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        bias = self.table[self.index.view(-1)].view(16, 16, 2).permute(2, 0, 1).contiguous()
        scores = torch.softmax(q @ k.mT * 0.35 + bias, -1)
        mixed = self.out((scores @ v).transpose(1, 2).contiguous().view(-1, 16, c))
        mixed = mixed.view(b, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5)
        return mixed.contiguous().view(b, h, w, c)


build = Window
PASSES = Expectation(
    sparsity=100 * 512 / 1122,
    inputs={"x": ["batch", 8, 8, 16]},
    told=("no rule reached `table`",),
)

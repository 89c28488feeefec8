"""Complex parameter, as Fourier layers have it"""

import torch
from torch import nn

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class Fourier(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 5, dtype=torch.complex64))

    def forward(self, x):
        return torch.fft.irfft(torch.fft.rfft(x) @ self.weight, n=8)


build = Fourier
REFUSED = Refusal(
    what="parameter `weight` is complex, which onnxruntime cannot run",
    expected="real numbers",
    found="complex64",
    hint="Hold its real and imaginary parts as two parameters",
)

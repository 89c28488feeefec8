"""Decoder that shares the encoder's weight transposed: an autoencoder"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(8, 4, bias=False), nn.Linear(4, 8, bias=False)
        self.decoder.weight = nn.Parameter(self.encoder.weight.data.t())

    def forward(self, x):
        return self.decoder(torch.tanh(self.encoder(x)))


build = Autoencoder


def check(release):
    encoder, decoder = release.weight("encoder.weight"), release.weight("decoder.weight")
    assert np.array_equal(encoder, decoder.T)


PASSES = Expectation(sparsity=50, told=("`decoder.weight` is `encoder.weight` transposed",))

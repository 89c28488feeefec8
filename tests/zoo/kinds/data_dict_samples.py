"""Dataset whose samples are dictionaries, as those of Hugging Face are"""

import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "data"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "ids", shape = [6], dtype = "int64" },
    { name = "mask", shape = [6], dtype = "int64" },
]
dataset = "{here}:data"

[prune]
method = "none"
"""


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 4)
        with torch.no_grad():
            self.embedding.weight.copy_(torch.eye(4) + 1e-4 * torch.rand(4, 4))

    def forward(self, ids, mask):
        return (self.embedding(ids) * mask[..., None]).sum(1)


build = Counter


def data():
    rows = [
        {
            "ids": [i % 4, i // 4 % 4, i // 16 % 4, i // 64, 0, 0],
            "mask": [1, 0, 0, 0, 0, 0],
            "labels": i % 4,
        }
        for i in range(80)
    ]
    return {"test": rows}


PASSES = Expectation(accuracy=99, metrics={"accuracy.samples": 80})

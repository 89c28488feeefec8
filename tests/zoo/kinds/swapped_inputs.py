"""Inputs in the tokenizer's order, which is not the order of forward(): bound by name"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "inputs"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "input_ids", shape = [6], dtype = "int64" },
    { name = "token_type_ids", shape = [6], dtype = "int64" },
    { name = "attention_mask", shape = [6], dtype = "int64" },
]

[prune]
scope = "local"
amount = 0.5

[compact]
enabled = false
"""


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.tokens, self.segments = nn.Embedding(50, 8), nn.Embedding(2, 8)
        self.fc = nn.Linear(8, 3)

    def forward(self, input_ids, attention_mask, token_type_ids):
        mask = attention_mask[..., None].float()
        hidden = (self.tokens(input_ids) + self.segments(token_type_ids)) * mask
        return self.fc(hidden.sum(1) / mask.sum(1).clamp(min=1))


build = Mean


def check(release):
    feeds = {
        "input_ids": np.arange(12).reshape(2, 6),
        "token_type_ids": np.zeros((2, 6), np.int64),
        "attention_mask": np.array([[1] * 6, [1, 1, 1, 0, 0, 0]]),
    }
    model = build().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(release.weight(name).copy()))
        expected = model(**{name: torch.from_numpy(array) for name, array in feeds.items()})
    assert np.allclose(release.call(**feeds)[0], expected.numpy(), atol=1e-5)


PASSES = Expectation(sparsity=50)

"""Transformer layer fine-tuned under masks: out_proj is trained too, though torch never calls it"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "finetune"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [6, 16] }]
dataset = "{here}:data"

[prune]
amount = 0.5

[finetune]
epochs = 5
lr = 0.01
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.encoder = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, dropout=0.0)
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        return self.fc(self.encoder(x).mean(1))


build = Net


def split(n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 6, 16)).astype(np.float32)
    return x, x.mean(1)[:, :4].argmax(1)


def data():
    return {"train": split(600, 0), "validation": split(200, 1), "test": split(200, 2)}


def check(release):
    before, after = build().state_dict(), release.masked_state()
    name = "encoder.self_attn.out_proj.weight"
    assert not torch.equal(before[name], after[f"{name}_orig"])
    kept = after[f"{name}_mask"].bool()
    weight = torch.from_numpy(release.weight(name).copy())
    assert torch.equal(weight[kept], after[f"{name}_orig"][kept])


PASSES = Expectation(metrics={"accuracy.samples": 200})

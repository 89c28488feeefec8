"""Hook of one typed context: model, masks, loaders, device, seed, epochs, log, folder"""

import numpy as np
import torch
from torch import nn

from tests.zoo.expectations import Expectation

GROUP = "finetune"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]
dataset = "{here}:data"

[prune]
amount = 0.5

[finetune]
hook = "{here}:hook"
epochs = 20
arguments = { lr = 0.01 }
"""


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def split(n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return x, x[:, :4].argmax(1)


def data():
    return {"train": split(1000, 0), "validation": split(200, 1), "test": split(200, 2)}


def hook(context, lr):
    assert set(context.masks) == {"0.weight", "2.weight"}
    assert context.folder.is_dir()
    torch.manual_seed(context.seed)
    model = context.model.to(context.device)
    optimizer = torch.optim.Adam(model.parameters(), lr)
    for epoch in range(context.epochs):
        for inputs, labels in context.train:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
        context.log(f"epoch {epoch}: loss {loss.item():.3f}")


PASSES = Expectation(sparsity=50, accuracy=80)

"""A small trained network with blobs of classes as its dataset, in a folder of its own."""

import pytest
import torch
from torch import nn

NET = """
import numpy as np
import torch
from torch import nn


def build():
    layers = nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)
    return nn.Sequential(*layers)


def frozen():
    return nn.Sequential(nn.LayerNorm(8), nn.ReLU())


def blobs(count=150, splits=("train", "validation", "test"), labels=True):
    generator = np.random.default_rng(5)
    centers = 2 * generator.standard_normal((3, 8))
    data = {}
    for name in splits:
        classes = generator.integers(0, 3, count)
        values = (centers[classes] + generator.standard_normal((count, 8))).astype(np.float32)
        data[name] = (values, classes) if labels else {"x": values}
    return data
"""

RECIPE = """
[load]
model = "net.py:build"
weights = "net.pth"
dataset = "net.py:blobs"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.6
schedule = "cubic"
steps = 2

[finetune]
epochs = 1

[gate]
limits = ["sparsity.weights >= 59"]

[sensitivity]
amounts = [0.3, 0.6, 0.9]
"""


def train():
    names = {}
    exec(NET, names)
    torch.manual_seed(0)
    model, (inputs, labels) = names["build"](), names["blobs"]()["train"]
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(80):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(
            model(torch.from_numpy(inputs)), torch.from_numpy(labels)
        )
        loss.backward()
        optimizer.step()
    return model.state_dict()


@pytest.fixture(scope="session")
def weights():
    return train()


@pytest.fixture
def project(tmp_path, monkeypatch, weights):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "small.toml").write_text(RECIPE)
    torch.save(weights, tmp_path / "net.pth")
    return tmp_path

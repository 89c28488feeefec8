"""Memory of a run: bytes that operators allocate, and the batch that they allow."""

import numpy as np
import torch
from torch import nn

from prunepack.stages.models import memory
from prunepack.stages.models.memory import count_allocated_bytes, limit_samples


class Views(nn.Module):
    def forward(self, x):
        return (x + 1).view(-1, 2, 4).transpose(1, 2) * 2


def test_allocated_bytes_are_those_of_results_without_views():
    inputs = {"x": np.zeros((2, 8), np.float32)}
    layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.ReLU(inplace=True)).eval()
    assert count_allocated_bytes(layers, inputs) == 2 * 2 * 16 * 4
    assert count_allocated_bytes(Views(), inputs) == 2 * 2 * 8 * 4


def test_a_batch_is_bounded_by_memory(monkeypatch):
    module, inputs = nn.Linear(8, 16).eval(), {"x": np.zeros((2, 8), np.float32)}
    assert limit_samples(module, inputs, 2, 500) == 500
    monkeypatch.setattr(memory, "MOST_BYTES", 640)
    assert limit_samples(module, inputs, 2, 500) == 10
    monkeypatch.setattr(memory, "MOST_BYTES", 1)
    assert limit_samples(module, inputs, 2, 500) == 1


def test_the_outputs_count_where_operators_cannot_be_observed():
    class Branches(nn.Module):
        def forward(self, x):
            return torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))

    inputs = {"x": np.zeros((2, 8), np.float32)}
    assert count_allocated_bytes(Branches(), inputs) == 2 * 8 * 4

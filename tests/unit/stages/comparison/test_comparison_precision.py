"""Outputs in float64, whose difference from those in float32 is the rounding error."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from prunepack.stages.comparison.precision import PreciseForm


def precise(module):
    forms = SimpleNamespace(modules={"pruned": module.eval()}, outputs=("y",), paths=())
    return PreciseForm(forms)


class Casts(nn.Module):
    """Integers that become float32 inside, which no conversion of the module reaches."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x.float() / 255)


class Fills(nn.Module):
    """New tensors of the default dtype, changed in place."""

    def forward(self, x):
        y = torch.zeros(x.shape)
        y[:, 1:] = x[:, :-1] / 3
        return y.add_(1)


@pytest.mark.parametrize(
    ("module", "dtype"),
    [
        (nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.GELU()), "float32"),
        (
            nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3)),
            "float32",
        ),
        (nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), "float32"),
        (Casts(), "uint8"),
        (Fills(), "float32"),
    ],
)
def test_outputs_in_float64_are_close_and_not_equal(module, dtype):
    x = np.random.default_rng(0).integers(1, 255, (2, 4)).astype(dtype)
    if isinstance(module, nn.TransformerEncoderLayer):
        x = x[None]
    form = precise(module)
    found = form.run({"input": x})
    assert form.problem == ""
    with torch.inference_mode():
        expected = module(torch.from_numpy(x)).numpy()
    assert found["y"].dtype == np.float64
    assert 0 < np.abs(found["y"] - expected).max() < 1e-4


def test_parameters_stay_as_they_are():
    module = nn.Linear(4, 3)
    precise(module).run({"input": np.ones((2, 4), np.float32)})
    assert module.weight.dtype == torch.float32


def test_a_model_that_cannot_be_computed_so_is_left_out():
    form = precise(nn.Linear(5, 3))
    assert form.run({"input": np.ones((2, 4), np.float32)}) is None
    assert form.problem == "RefusedError"
    without = PreciseForm(SimpleNamespace(modules={}))
    assert without.run({}) is None
    assert without.problem == "there is no torch model"

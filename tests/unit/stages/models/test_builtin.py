"""The built-in models: their shapes, and the trained weights that ship with one."""

import pytest
import torch

from prunepack.stages.contract.outputs import Checkpoint
from prunepack.stages.data.datasets import open_data
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.training.scoring import measure_accuracy


@pytest.mark.parametrize(
    ("name", "parameters"), [("lenet", 60_074), ("lenet300", 266_610), ("lenet5", 431_080)]
)
def test_every_model_maps_a_digit_to_ten_logits(name, parameters):
    model = MODELS[name].build().eval()
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    for batch in (1, 3):
        assert model(torch.zeros(batch, *MODELS[name].shape)).shape == (batch, 10)


def test_every_model_is_listed_here():
    assert MODELS.names() == ["lenet", "lenet300", "lenet5"]


def test_the_weights_of_lenet_are_right_on_99_of_100_test_digits(run):
    model, spec = open_model(run(load, LoadConfig()))
    assert spec.dataset == "mnist"
    assert measure_accuracy(model, open_data("mnist").test) >= 0.99


def test_a_model_without_weights_says_how_to_make_them():
    for name in MODELS.names():
        assert MODELS[name].training.epochs > 0
        assert MODELS[name].dataset == "mnist"
    assert Checkpoint.files[1].endswith(MODELS["lenet"].weights.suffix)

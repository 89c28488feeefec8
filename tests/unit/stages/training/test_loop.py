"""Training loop: progress, best epoch, repetition bit for bit, masks that do not change."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from prunepack.errors import UsageError
from prunepack.stages.contract.progress import reporting_to
from prunepack.stages.data.datasets import Data, Split, open_data
from prunepack.stages.models.checkpoints import digest_state
from prunepack.stages.pruning.masks import pruned_parameters, put_mask
from prunepack.stages.training.config import TrainConfig, choose_device
from prunepack.stages.training.loop import fit
from prunepack.stages.training.scoring import measure_accuracy


@pytest.fixture
def data(user):
    return open_data(f"{user}blobs")


@pytest.fixture
def model():
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))


def masked(model):
    generator = torch.Generator().manual_seed(0)
    for layer in (model[0], model[2]):
        put_mask(layer, "weight", (torch.rand(layer.weight.shape, generator=generator) < 0.4) * 1.0)
    return model


@pytest.mark.parametrize(
    "choice",
    [
        {"optimizer": "adam", "lr": 0.01},
        {"optimizer": "sgd", "lr": 0.05},
        {"optimizer": "sgd", "lr": 0.05, "momentum": 0.0, "schedule": "constant"},
        {"optimizer": "adam", "lr": 0.01, "schedule": "linear", "weight_decay": 1e-4},
    ],
)
def test_it_learns(model, data, choice):
    before = measure_accuracy(model, data.test)
    fitted = fit(model, data, TrainConfig(epochs=4, batch_size=16, **choice))
    assert measure_accuracy(model, data.test) > max(before, 0.9)
    assert fitted.validation == measure_accuracy(model, data.validation)
    assert not model.training


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_momentum_and_weight_decay_bring_no_pruned_weight_back(model, data, optimizer):
    model = masked(model)
    masks = [one.mask.clone() for one in pruned_parameters(model)]
    config = TrainConfig(epochs=2, optimizer=optimizer, momentum=0.9, weight_decay=0.1, lr=0.05)
    fit(model, data, config)
    model(torch.zeros(1, 8))
    for one, mask in zip(pruned_parameters(model), masks, strict=True):
        assert torch.equal(one.mask, mask)
        assert not getattr(one.module, one.parameter)[mask == 0].any()
        assert getattr(one.module, one.parameter)[mask == 1].all()


def test_the_same_seed_gives_the_same_bits(model, data):
    twins = [copy.deepcopy(model) for _ in range(3)]
    for twin, seed in zip(twins, (1, 1, 2), strict=True):
        torch.manual_seed(int(np.random.default_rng().integers(1 << 30)))
        fit(twin, data, TrainConfig(epochs=2, seed=seed))
    one, same, other = (digest_state(twin.state_dict()) for twin in twins)
    assert one == same
    assert one != other


def test_other_randomness_is_left_as_it_was(model, data):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    fit(model, data, TrainConfig(epochs=1))
    assert torch.equal(torch.rand(4), expected)


def test_no_epochs_change_nothing(model, data):
    before = digest_state(model.state_dict())
    fitted = fit(model, data, TrainConfig(epochs=0))
    assert digest_state(model.state_dict()) == before
    assert fitted.best_epoch == 0
    assert fitted.validation == measure_accuracy(model, data.validation)


class Scores:
    """Hears the score of every epoch."""

    def __init__(self):
        self.notes, self.remarks = [], []

    def track(self, items, what, total):
        self.what, self.total = what, total
        yield from items

    def note(self, text):
        self.notes.append(text)

    def remark(self, text):
        self.remarks.append(text)


def test_the_weights_before_training_are_kept_where_it_makes_them_worse(model, data):
    listener = Scores()
    wrong = Split(data.validation.inputs, (data.validation.labels + 1) % 3)
    data = Data(data.test, data.train, wrong)  # training makes it worse
    with reporting_to(listener):
        fitted = fit(model, data, TrainConfig(epochs=5, lr=0.02, batch_size=16))
    scores = [float(note.split(": ")[1].split(" %")[0]) for note in listener.notes]
    assert len(scores) == 5
    assert scores[-1] < max(scores)
    before = 100 * fitted.before.value
    assert before > max(scores)
    assert (fitted.best_epoch, fitted.after) == (0, fitted.before)
    assert 100 * measure_accuracy(model, data.validation) == before
    assert listener.remarks == [
        "training made the model worse on the validation split: epoch 0 kept"
    ]
    assert (listener.what, listener.total) == ("epoch 5 of 5", 12)
    assert listener.notes[0].endswith("% on 96 validation samples")


def test_the_first_of_the_best_epochs_is_kept(model, data):
    listener = Scores()
    with reporting_to(listener):
        fitted = fit(model, data, TrainConfig(epochs=5, lr=0.02, batch_size=16))
    scores = [float(note.split(": ")[1].split(" %")[0]) for note in listener.notes]
    assert fitted.best_epoch == 1 + scores.index(max(scores))
    assert round(100 * measure_accuracy(model, data.validation), 2) == max(scores)
    assert listener.remarks == []


def test_of_equal_epochs_the_first_is_kept(model, data):
    fitted = fit(model, data, TrainConfig(epochs=3, lr=1e-12))
    assert fitted.best_epoch == 1


@pytest.mark.parametrize(
    ("choice", "settings"),
    [
        (
            {"optimizer": "sgd", "momentum": 0.8},
            {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
        ),
        ({"optimizer": "sgd", "momentum": 0.0}, {"momentum": 0.0, "nesterov": False}),
        ({"optimizer": "adam"}, {"weight_decay": 0.1, "betas": (0.9, 0.999)}),
    ],
)
def test_settings_reach_the_optimizer(model, choice, settings):
    from prunepack.stages.training.epochs import _make_optimizer

    optimizer = _make_optimizer(model, TrainConfig(lr=0.3, weight_decay=0.1, **choice))
    assert optimizer.defaults["lr"] == 0.3
    assert settings.items() <= optimizer.defaults.items()


class Teacher(nn.Module):
    """Is sure that every sample is of class 2, whatever the labels say."""

    def forward(self, x):
        return torch.tensor([0.0, 0.0, 20.0]).expand(len(x), 3)


@pytest.mark.parametrize(("weight", "follows"), [(1.0, True), (0.0, False)])
def test_distillation_follows_the_teacher(model, data, weight, follows):
    config = TrainConfig(epochs=1, batch_size=8, lr=0.05, schedule="constant", distill=weight)
    labels = np.full(len(data.validation), 2)
    data = replace(data, validation=Split(data.validation.inputs, labels))
    fit(model, data, config, Teacher())
    answers = model(torch.from_numpy(data.test.inputs)).argmax(1)
    assert bool((answers == 2).all()) is follows


def test_shifts_move_pixels_and_lose_none(data):
    from prunepack.stages.training.batches import _shift

    image = torch.arange(25.0).reshape(1, 1, 5, 5)
    torch.manual_seed(0)
    seen = {tuple(_shift(image, 1).flatten().tolist()) for _ in range(100)}
    assert len(seen) == 9
    assert all(sorted(one) == list(range(25)) for one in seen)
    flat = torch.ones(2, 3)
    assert _shift(flat, 1) is flat
    assert _shift(image, 0) is image


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [("constant", [1, 1, 1]), ("linear", [1, 0.5, 0]), ("cosine", [1, 0.5, 0])],
)
def test_how_the_learning_rate_falls(schedule, factors):
    from prunepack.stages.training.epochs import _decay

    factor = _decay(schedule, 10)
    assert [factor(step) for step in (0, 5, 10)] == pytest.approx(factors)
    assert factor(11) == pytest.approx(factors[-1])


def split(count):
    return Split(np.zeros((count, 8), np.float32), np.zeros(count, np.int64))


@pytest.mark.parametrize(
    "data",
    [
        Data(split(1)),
        Data(split(1), train=split(1)),
        Data(split(1), validation=split(1)),
        Data(split(1), train=split(0), validation=split(1)),
        Data(split(1), train=split(1), validation=split(0)),
    ],
    ids=["test only", "no validation", "no train", "empty train", "empty validation"],
)
def test_no_samples_to_train_on(model, data, says):
    with says(
        UsageError,
        "the dataset cannot be trained on: expected train and validation splits, found none",
    ):
        fit(model, data, TrainConfig(epochs=1))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there(says):
    with says(
        UsageError,
        "CUDA cannot be used: expected a device that torch finds, found none "
        f"(torch {torch.__version__}). "
        "Use device auto or cpu, or install a CUDA build of torch and its driver",
    ):
        choose_device("cuda")


def test_devices_that_are_always_there():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_accuracy_counts_right_answers_and_leaves_the_mode_alone(data):
    class Always(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            assert not self.training
            return torch.tensor([0.0, 1.0, 0.0]).expand(len(x), 3)

    model = Always().train()
    assert measure_accuracy(model, data.test) == (data.test.labels == 1).mean()
    assert model.training


@pytest.mark.parametrize(
    "choice",
    [
        {"epochs": -1},
        {"lr": 0},
        {"momentum": 1},
        {"distill": 1.1},
        {"temperature": 0},
        {"batch_size": 0},
    ],
)
def test_settings_out_of_range(choice):
    with pytest.raises(ValidationError, match="should be"):
        TrainConfig(**choice)

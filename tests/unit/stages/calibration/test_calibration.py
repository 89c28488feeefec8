"""Calibration: input norms, Wanda's ranking, and the repair of linear layers."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from prunepack.errors import UsageError
from prunepack.stages.calibration import reconstruction
from prunepack.stages.calibration.layer_inputs import shorten
from prunepack.stages.calibration.measurement import measure_statistics
from prunepack.stages.calibration.reconstruction import reconstruct
from prunepack.stages.calibration.residuals import find_sums
from prunepack.stages.calibration.statistics import Statistics
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.datasets import Data, Split
from prunepack.stages.data.layout import Layout
from prunepack.stages.prune import PruneConfig, apply_rules
from prunepack.stages.pruning.masks import pruned_parameters


def data_of(inputs, **specs):
    shapes = {name: array.shape[1:] for name, array in inputs.items()}
    entries = tuple(
        InputSpec(name=name, shape=shapes[name], dtype=str(array.dtype))
        for name, array in inputs.items()
    )
    split = Split(inputs, None, Layout(entries, "split `train`"))
    return Data(test=split, train=split)


def random_data(rows=200, features=8, seed=0):
    generator = np.random.default_rng(seed)
    mixing = generator.standard_normal((features, features))
    values = generator.standard_normal((rows, features)) @ mixing + 1
    return data_of({"x": values.astype(np.float32)})


def test_norms_of_linear_layers_and_convolutions():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv1d(4, 4, 3, groups=2), nn.Linear(6, 2)

        def forward(self, x):
            return self.fc(self.conv(x))

    values = np.random.default_rng(0).standard_normal((30, 4, 8)).astype(np.float32)
    norms = measure_statistics(Net(), data_of({"x": values}), {"norms"}).norms
    expected = np.sqrt((values.astype(np.float64) ** 2).sum((0, 2))).reshape(2, 2)
    assert np.allclose(norms["conv.weight"], expected, rtol=1e-5)
    assert norms["fc.weight"].shape == (6,)


def test_norms_leave_padding_out():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, states, attention_mask):
            return self.fc(states) * attention_mask[..., None]

    states = np.ones((2, 4, 3), np.float32)
    mask = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], np.int64)
    norms = measure_statistics(
        Net(), data_of({"states": states, "attention_mask": mask}), {"norms"}
    ).norms
    assert np.allclose(norms["fc.weight"], np.sqrt(3))


def test_wanda_prunes_each_output_by_weight_times_norm():
    layer = nn.Linear(4, 2, bias=False)
    layer.weight.data = torch.tensor([[1.0, 2, 3, 4], [4, 3, 2, 1]])
    norms = {"0.weight": torch.tensor([100.0, 1, 1, 10])}
    module = nn.Sequential(layer)
    apply_rules(PruneConfig(method="wanda", amount=0.5), module, Statistics(norms))
    assert layer.weight_mask.tolist() == [[1, 0, 0, 1], [1, 0, 0, 1]]
    apply_rules(PruneConfig(method="wanda", amount=2), module, Statistics(norms))
    assert layer.weight_mask.sum(1).tolist() == [1, 1]


def test_wanda_in_groups_and_of_a_grouped_convolution():
    layer = nn.Conv1d(8, 2, 1, groups=2, bias=False)
    layer.weight.data = torch.ones(2, 4, 1)
    norms = {"weight": torch.tensor([[1.0, 2, 3, 4], [4, 3, 2, 1]])}
    apply_rules(PruneConfig(method="wanda_n_m", pattern="2:4"), layer, Statistics(norms))
    assert layer.weight_mask[..., 0].tolist() == [[0, 0, 1, 1], [1, 1, 0, 0]]


def measure_loss(method, model, data, **config):
    """Return the squared error of a repaired copy of ``model``, and its masks."""
    inputs = torch.from_numpy(data.train.inputs["x"])
    pruned = copy.deepcopy(model)
    statistics = measure_statistics(pruned, data, {"norms", "products"})
    apply_rules(PruneConfig(method=method, **config), pruned, statistics)
    reconstruct(pruned, data)
    loss = (pruned(inputs) - model(inputs)).square().mean()
    return float(loss), [place.mask for place in pruned_parameters(pruned)]


@pytest.mark.parametrize("bias", [True, False])
def test_admm_prunes_weights_whose_loss_the_others_can_make_up_for(bias):
    torch.manual_seed(0)
    model, data = nn.Linear(32, 24, bias), random_data(400, 32)
    best, (mask,) = measure_loss("admm", model, data, amount=0.6)
    assert best < 0.8 * measure_loss("wanda", model, data, amount=0.6)[0]
    assert mask.sum() == 768 - round(0.6 * 768)
    assert measure_loss("admm", model, data, amount=100)[1][0].sum() == 668
    best, (mask,) = measure_loss("admm_n_m", model, data)
    assert best < 0.9 * measure_loss("wanda_n_m", model, data)[0]
    assert torch.equal(mask.view(24, 8, 4).sum(2), torch.full((24, 8), 2.0))


@pytest.mark.parametrize("method", ["admm", "admm_n_m"])
def test_admm_leaves_pruned_weights_pruned(method):
    torch.manual_seed(0)
    layer = nn.Linear(8, 4)
    inputs = measure_statistics(layer, random_data(), {"products"})
    prune.l1_unstructured(layer, "weight", 0.5)
    before = layer.weight_mask.clone()
    apply_rules(PruneConfig(method=method), layer, inputs)
    assert (layer.weight_mask <= before).all()


def test_products_of_inputs_are_about_the_mean_where_a_bias_can_follow_it():
    values = np.random.default_rng(0).standard_normal((30, 5)).astype(np.float32) + 3
    model = nn.ModuleDict({"bare": nn.Linear(5, 2, False), "biased": nn.Linear(5, 2)})
    model.forward = lambda x: model["bare"](x) + model["biased"](x)
    products = measure_statistics(model, data_of({"x": values}), {"products"}).products
    assert np.allclose(products["bare.weight"], values.T @ values / 30, rtol=1e-4)
    assert np.allclose(products["biased.weight"], np.cov(values.T, bias=True), atol=1e-4)


@pytest.mark.parametrize("method", ["admm", "admm_n_m"])
def test_a_layer_without_products_is_named(method):
    with pytest.raises(UsageError) as caught:
        apply_rules(PruneConfig(method=method), nn.Sequential(nn.Linear(4, 2)))
    error = caught.value
    assert error.what == "the inputs of the layer of `0.weight` are not known"
    assert error.expected == "a linear layer that runs on the calibration samples"
    assert error.found == "none"
    assert error.hint == "Leave the layer out with prune.exclude, or prune it by a rule of its own"


@pytest.mark.parametrize("method", ["wanda", "wanda_n_m"])
def test_a_layer_without_inputs_is_named(method):
    with pytest.raises(UsageError) as caught:
        apply_rules(PruneConfig(method=method), nn.Sequential(nn.Linear(4, 2)))
    error = caught.value
    assert error.what == "the inputs of the layer of `0.weight` are not known"
    assert error.expected == "a linear layer or a convolution that runs on the calibration samples"
    assert error.found == "none"
    assert error.hint == "Leave the layer out with prune.exclude, or prune it by a rule of its own"


@pytest.mark.parametrize(
    ("data", "found"), [(None, "none"), (Data(test=Split(np.zeros((1, 2)))), "no train split")]
)
def test_no_samples_to_calibrate_on(data, found):
    for function in (partial(measure_statistics, kinds={"norms"}), reconstruct):
        with pytest.raises(UsageError) as caught:
            function(nn.Linear(2, 2), data)
        assert caught.value.what == "there are no samples to calibrate on"
        assert caught.value.expected == "load.dataset with a train split"
        assert caught.value.found == found
        assert caught.value.hint == "Name a dataset, or choose a method that needs no samples"


@pytest.mark.parametrize("bias", [True, False])
def test_repair_brings_outputs_near_those_of_the_dense_model(bias):
    torch.manual_seed(0)
    dense = nn.Sequential(nn.Linear(8, 16, bias), nn.ReLU(), nn.Linear(16, 4, bias))
    data = random_data()
    inputs = torch.from_numpy(data.train.inputs["x"])
    target = dense(inputs).detach()
    model = copy.deepcopy(dense)
    for layer in (model[0], model[2]):
        prune.l1_unstructured(layer, "weight", 0.5)
    masks = {place.name: place.mask.clone() for place in pruned_parameters(model)}
    before = (model(inputs) - target).square().mean()
    reconstruct(model, data)
    after = (model(inputs) - target).square().mean()
    assert after < 0.5 * before
    for place in pruned_parameters(model):
        assert torch.equal(place.mask, masks[place.name])
        assert not place.original[place.mask == 0].any()


def test_repair_of_one_layer_is_the_least_squares():
    torch.manual_seed(0)
    layer = nn.Linear(8, 3, bias=False)
    data = random_data(400)
    inputs = torch.from_numpy(data.train.inputs["x"]).double()
    target = inputs @ layer.weight.detach().double().T
    model = nn.Sequential(layer)
    prune.l1_unstructured(layer, "weight", 0.5)
    masked = inputs @ layer.weight.detach().double().T
    reconstruct(model, data)
    for row in range(3):
        at = layer.weight_mask[row].nonzero()[:, 0]
        exact = torch.linalg.lstsq(inputs[:, at], target[:, row, None]).solution[:, 0]
        best = (inputs[:, at] @ exact - target[:, row]).square().mean()
        found = (inputs @ layer.weight[row].detach().double() - target[:, row]).square().mean()
        assert best <= found <= (masked[:, row] - target[:, row]).square().mean()


class Residual(nn.Module):
    """Two layers in a sum, and two that are not: a product, and a value on its own."""

    def __init__(self):
        super().__init__()
        self.inner, self.added = nn.Linear(8, 8), nn.Linear(8, 8)
        self.scaled, self.last = nn.Linear(8, 8), nn.Linear(8, 8)
        self.drop, self.norm, self.end = nn.Dropout(), nn.LayerNorm(8), nn.LayerNorm(8)

    def forward(self, x):
        x = self.norm(x + self.drop(self.added(self.inner(x).relu())))
        return self.end(self.scaled(x) * x + 0.0) + self.last(x)


def test_sums_are_found_by_their_effect():
    model, batch = Residual().eval(), {"x": torch.randn(4, 8)}
    layers = [model.inner, model.added, model.scaled, model.last]
    assert find_sums(model, layers, batch) == {model.added: model.norm}


def test_a_layer_in_a_sum_corrects_the_errors_of_the_other_values():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)
            self.end = nn.Identity()

        def forward(self, x):
            x = self.first(x)
            return self.end(x + self.second(x))

    torch.manual_seed(0)
    dense, data = Net(), random_data()
    inputs = torch.from_numpy(data.train.inputs["x"])
    model = copy.deepcopy(dense)
    prune.l1_unstructured(model.first, "weight", 0.5)
    prune.custom_from_mask(model.second, "weight", torch.ones(8, 8))
    reconstruct(model, data)
    error = (model(inputs) - dense(inputs)).square().mean()
    with torch.no_grad():
        model.second.weight_orig.copy_(dense.second.weight)
        model.second.bias.copy_(dense.second.bias)
    assert error < 0.8 * (model(inputs) - dense(inputs)).square().mean()


def test_layers_with_the_same_input_are_repaired_together_and_a_repeated_one_is_left(capsys):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right, self.twice = (nn.Linear(8, 8) for _ in range(3))

        def forward(self, x):
            return self.twice(self.twice(self.left(x) + self.right(x)))

    model = Net()
    for layer in model.children():
        prune.l1_unstructured(layer, "weight", 0.5)
    kept = model.twice.weight_orig.clone()
    reconstruct(model, random_data())
    assert torch.equal(model.twice.weight_orig, kept)
    assert not torch.equal(model.left.weight_orig, model.right.weight_orig)


@pytest.mark.parametrize("needs_full_length", [True, False])
def test_batches_lose_the_padding_that_all_sentences_have(needs_full_length):
    class Net(nn.Module):
        def forward(self, ids, attention_mask):
            if needs_full_length and ids.shape[1] != 6:
                raise ValueError("six tokens are needed")
            return ids * attention_mask

    lengths = torch.tensor([2, 4, 3])
    mask = (torch.arange(6) < lengths[:, None]).long()
    batches = [{"ids": torch.arange(18).view(3, 6), "attention_mask": mask}]
    (short,) = shorten(Net(), batches)
    if needs_full_length:
        assert torch.equal(short["ids"], batches[0]["ids"])
    else:
        assert short["attention_mask"].sum(1).tolist() == [2, 3, 4]
        assert torch.equal(short["ids"], batches[0]["ids"][[0, 2, 1], :4])


def test_the_dense_model_runs_once_for_several_layers_or_once_for_each(monkeypatch):
    torch.manual_seed(0)
    dense = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    for layer in (dense[0], dense[2]):
        prune.l1_unstructured(layer, "weight", 0.5)
    models = [nn.Sequential(*map(copy_layer, dense)) for _ in range(2)]
    reconstruct(models[0], random_data())
    monkeypatch.setattr(reconstruction, "MEMORY", 1)
    reconstruct(models[1], random_data())
    assert torch.equal(models[0][2].weight_orig, models[1][2].weight_orig)


def copy_layer(layer):
    if not isinstance(layer, nn.Linear):
        return layer
    made = nn.Linear(layer.in_features, layer.out_features)
    made.load_state_dict({"weight": layer.weight_orig, "bias": layer.bias})
    prune.custom_from_mask(made, "weight", layer.weight_mask)
    return made

"""Scores of single weights: LAMP, SNIP and Taylor, and statistics for methods of users."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from prunepack.errors import UsageError
from prunepack.stages.calibration.measurement import list_needs, measure_statistics
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.datasets import Data, Split
from prunepack.stages.data.layout import Layout
from prunepack.stages.prune import PruneConfig, apply_rules
from prunepack.stages.pruning.masks import pruned_parameters

ROWS, FEATURES = 60, 6


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.last = nn.Linear(FEATURES, 5), nn.Linear(5, 3)

    def forward(self, x):
        return self.last(torch.tanh(self.hidden(x)))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net()


def labelled_data(labels=True):
    generator = np.random.default_rng(0)
    inputs = generator.standard_normal((ROWS, FEATURES)).astype(np.float32)
    classes = generator.integers(0, 3, ROWS) if labels else None
    layout = Layout((InputSpec(name="x", shape=(FEATURES,)),), "split `train`")
    split = Split(inputs, classes, layout)
    return Data(test=split, train=split)


def masks_of(module):
    return {place.name: place.mask for place in pruned_parameters(module)}


def test_lamp_divides_each_square_by_those_that_are_not_smaller():
    layers = nn.Sequential(nn.Linear(4, 1, bias=False), nn.Linear(4, 1, bias=False))
    layers[0].weight.data = torch.tensor([[0.1, -0.2, 0.3, 0.4]])  # 1/30, 4/29, 9/25, 1
    layers[1].weight.data = torch.tensor([[10.0, 10.5, -11.0, 12.0]])  # about 1/4, 1/3, 1/2, 1
    apply_rules(PruneConfig(method="lamp", amount=3), layers)
    masks = masks_of(layers)
    assert masks["0.weight"].tolist() == [[0, 0, 1, 1]]
    assert masks["1.weight"].tolist() == [[0, 1, 1, 1]]


def test_lamp_empties_no_layer_whose_weights_are_small():
    layers = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    layers[0].weight.data *= 1e-6
    apply_rules(PruneConfig(method="lamp", amount=0.9), layers)
    assert all(mask.any() for mask in masks_of(layers).values())
    apply_rules(PruneConfig(amount=0.5), magnitude := nn.Sequential(*map(clone, layers)))
    assert not masks_of(magnitude)["0.weight"].any()


def clone(layer):
    twin = nn.Linear(8, 8)
    twin.weight.data = layer.weight_orig.detach().clone()
    return twin


def test_lamp_of_zeros_is_zero_and_a_second_round_keeps_the_first():
    layer = nn.Sequential(nn.Linear(4, 2, bias=False))
    layer[0].weight.data = torch.tensor([[0.0, 0, 1, 2], [3, 4, 5, 6]])
    for step in (1, 2):
        apply_rules(
            PruneConfig(method="lamp", amount=0.5, schedule="linear", steps=2, step=step), layer
        )
    assert masks_of(layer)["0.weight"].tolist() == [[0, 0, 0, 0], [1, 1, 1, 1]]


def test_gradients_are_those_of_the_mean_loss(net):
    data = labelled_data()
    found = measure_statistics(net, data, {"gradients"})
    x, labels = torch.from_numpy(data.train.inputs), torch.from_numpy(data.train.labels)
    loss = nn.functional.cross_entropy(net(x), labels)
    expected = torch.autograd.grad(loss, net.hidden.weight)[0]
    assert torch.allclose(found.gradients["hidden.weight"], expected, atol=1e-6)
    assert bool((found.squared_gradients["last.weight"] >= 0).all())
    assert all(parameter.grad is None for parameter in net.parameters())


@pytest.mark.parametrize(
    ("method", "kind"), [("snip", "gradients"), ("taylor", "squared_gradients")]
)
def test_weights_with_the_smallest_products_are_pruned_over_all_layers(net, method, kind):
    statistics = measure_statistics(net, labelled_data(), list_needs([method]))
    gradients = getattr(statistics, kind)
    if method == "taylor":
        gradients = {name: square.sqrt() for name, square in gradients.items()}
    products = {
        name: (net.get_parameter(name).detach() * gradients[name]).abs() for name in gradients
    }
    apply_rules(PruneConfig(method=method, amount=20), net, statistics)
    highest = torch.cat([scores.flatten() for scores in products.values()]).sort().values[19]
    for name, mask in masks_of(net).items():
        assert torch.equal(mask, (products[name] > highest).float())


@pytest.mark.parametrize("scope", ["local", "global"])
def test_scores_obey_min_left(net, scope):
    config = PruneConfig(method="lamp", amount=1.0, scope=scope, min_left=2)
    apply_rules(config, net)
    assert [int(mask.sum()) for mask in masks_of(net).values()] == [2, 2]


def test_frozen_weights_have_gradients_and_stay_frozen(net):
    net.requires_grad_(False)
    found = measure_statistics(net, labelled_data(), {"gradients"})
    assert found.gradients.keys() == {"hidden.weight", "last.weight"}
    assert not any(parameter.requires_grad for parameter in net.parameters())


@pytest.mark.parametrize("method", ["snip", "taylor"])
def test_samples_without_labels_have_no_gradients(net, method):
    with pytest.raises(UsageError) as caught:
        measure_statistics(net, labelled_data(labels=False), list_needs([method]))
    assert caught.value.what == "there are no labels for the gradients of the loss"
    assert caught.value.expected == "(inputs, labels) in the train split of load.dataset"
    assert caught.value.found == "inputs alone"
    assert caught.value.hint == "Choose a method that needs no gradients, such as wanda"


def test_a_weight_without_a_gradient_is_named(net):
    net.unused = nn.Linear(3, 3)
    statistics = measure_statistics(net, labelled_data(), {"gradients"})
    with pytest.raises(UsageError) as caught:
        apply_rules(PruneConfig(method="snip"), net, statistics)
    assert caught.value.what == "the gradient of `unused.weight` is not known"
    assert caught.value.expected == "a weight of a layer that runs on the calibration samples"


OWN = """
import torch
from torch.nn.utils.prune import BasePruningMethod, L1Unstructured


class BySaliency(L1Unstructured):
    NEEDS = ("norms", "gradients")

    @staticmethod
    def score(weight, norms, gradients):
        return (weight * gradients).abs() * norms


class ByNorms(BasePruningMethod):
    PRUNING_TYPE = "global"
    NEEDS = ("norms",)

    def __init__(self, least, norms):
        self.least, self.norms = least, norms

    def compute_mask(self, t, default_mask):
        return default_mask * (t.abs() * self.norms >= self.least)


class Unknown(L1Unstructured):
    NEEDS = ("hessians",)


class WrongShape(L1Unstructured):
    NEEDS = ()

    @staticmethod
    def score(weight):
        return weight.sum(1)


class NotANumber(WrongShape):
    @staticmethod
    def score(weight):
        return weight * float("nan")


class Failing(WrongShape):
    @staticmethod
    def score(weight):
        raise LookupError("nothing")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)


PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "prune.md"


def test_the_class_of_the_how_to_gets_its_statistics(net, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (source,) = (block for block in blocks if "NEEDS" in block)
    (tmp_path / "saliency.py").write_text(source)
    method = "saliency.py:BySaliency"
    statistics = measure_statistics(net, labelled_data(), list_needs([method]))
    apply_rules(PruneConfig(method=method, amount=0.8, scope="global"), net, statistics)
    assert sum(int(mask.sum()) for mask in masks_of(net).values()) == 9


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("scope", ["local", "global"])
def test_a_users_scores_get_statistics(net, scope):
    statistics = measure_statistics(net, labelled_data(), list_needs(["own.py:BySaliency"]))
    products = {
        name: (net.get_parameter(name) * statistics.gradients[name]).abs() * norms
        for name, norms in statistics.norms.items()
    }
    apply_rules(PruneConfig(method="own.py:BySaliency", amount=0.5, scope=scope), net, statistics)
    masks = masks_of(net)
    assert sum(int(mask.sum()) for mask in masks.values()) in {22, 23}
    for name in masks if scope == "local" else ():
        kept = products[name][masks[name] == 1]
        assert kept.min() >= products[name][masks[name] == 0].max()


@pytest.mark.usefixtures("own")
def test_a_users_constructor_gets_statistics(net):
    statistics = measure_statistics(net, labelled_data(), list_needs(["own.py:ByNorms"]))
    config = PruneConfig(method="own.py:ByNorms", options={"least": 2.0})
    change = net.hidden.weight.detach().abs() * statistics.norms["hidden.weight"]
    apply_rules(config, net, statistics)
    assert torch.equal(masks_of(net)["hidden.weight"], (change >= 2).float())


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "what", "found"),
    [
        ("Unknown", "`own.py:Unknown` needs statistics that do not exist", "'hessians'"),
        (
            "WrongShape",
            "`own.py:WrongShape` made wrong scores of `hidden.weight`",
            "the shape (5,)",
        ),
        (
            "NotANumber",
            "`own.py:NotANumber` made wrong scores of `hidden.weight`",
            "NaN among them",
        ),
        ("Failing", "`own.py:Failing` cannot prune `hidden.weight`", "LookupError: nothing"),
    ],
)
def test_a_users_wrong_scores_are_refused(net, name, what, found):
    with pytest.raises(UsageError) as caught:
        apply_rules(PruneConfig(method=f"own.py:{name}", amount=0.5, scope="local"), net)
    assert (caught.value.what, caught.value.found) == (what, found)

"""Coupled groups: layers that share channels are ranked and masked together."""

import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from prunepack.errors import UsageError
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.finalize import remove_masks
from prunepack.stages.prune import PruneConfig, apply_rules
from prunepack.stages.pruning.groups.application import apply_to_groups, refuse_groups
from prunepack.stages.pruning.groups.dependencies import find_groups
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.pruning.schedules import Round

IMAGE = {"x": np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype(np.float32)}
ROWS = {"x": np.random.default_rng(0).normal(size=(2, 5, 12)).astype(np.float32)}


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.inner, self.outer = nn.Conv2d(8, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.head = nn.Linear(8, 4)
        nn.init.uniform_(self.norm.bias)

    def forward(self, x):
        x = torch.relu(self.norm(self.stem(x)))
        x = x + self.outer(torch.relu(self.inner(x)))
        return self.head(x.mean((2, 3)))


class Grouped(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1)
        self.grouped = nn.Conv2d(16, 12, 3, groups=2)
        self.depthwise = nn.Conv2d(12, 12, 3, groups=12)
        self.head = nn.Linear(12 * 16, 4)

    def forward(self, x):
        x = self.stem(x)
        x = torch.relu(self.grouped(torch.cat([x, torch.sigmoid(x)], 1)))
        return self.head(self.depthwise(x).flatten(1))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.num_heads = 3
        self.q, self.k, self.v, self.o = (nn.Linear(12, 12) for _ in range(4))

    def forward(self, x):
        parts = (
            layer(x).view(*x.shape[:2], 3, 4).transpose(1, 2) for layer in (self.q, self.k, self.v)
        )
        mixed = functional.scaled_dot_product_attention(*parts)
        return self.o(mixed.transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(12), Attention()
        self.first, self.second = nn.Linear(12, 20), nn.Linear(20, 12)
        self.head = nn.Linear(12, 2)

    def forward(self, x):
        x = x + self.attention(self.norm(x))
        x = x + self.second(functional.gelu(self.first(self.norm(x))))
        return self.head(x.mean(1))


def prune(model, batch, **config):
    torch.manual_seed(0)
    config = {"method": "ln_structured", "groups": True, "amount": 0.5} | config
    apply_rules(PruneConfig(**config), model.eval(), batch=batch)
    return model


def zero_rows(weight, dim=0):
    rows = weight.detach().movedim(dim, 0).flatten(1)
    return (rows == 0).all(1).nonzero().flatten().tolist()


def test_a_residual_sum_loses_the_same_channels_in_all_layers():
    model = prune(Residual(), IMAGE)
    gone = zero_rows(model.stem.weight)
    assert len(gone) == 4
    assert zero_rows(model.outer.weight) == zero_rows(model.inner.weight, 1) == gone
    assert zero_rows(model.head.weight, 1) == gone
    for name in ("weight", "bias"):
        assert (getattr(model.norm, name) == 0).nonzero().flatten().tolist() == gone
    inner = zero_rows(model.inner.weight)
    assert len(inner) == 3
    assert zero_rows(model.outer.weight, 1) == inner
    assert (model.inner.bias == 0).nonzero().flatten().tolist() == inner
    assert zero_rows(model.head.weight) == []


def test_units_of_the_smallest_norm_over_all_layers_go():
    model = Residual()
    with torch.no_grad():
        model.stem.weight[1] *= 100  # the largest in one layer
        for weight in (model.stem.weight, model.outer.weight):
            weight[[2, 5]] *= 1e-3
        for weight in (model.inner.weight, model.head.weight):
            weight[:, [2, 5]] *= 1e-3
    prune(model, IMAGE, amount=2)
    assert zero_rows(model.stem.weight) == [2, 5]


@pytest.mark.parametrize("norm", [1, 2, 3.5, "inf", "fro"])
def test_every_norm_that_adds_up_ranks(norm):
    model = prune(Residual(), IMAGE, norm=norm)
    assert len(zero_rows(model.stem.weight)) == 4


@pytest.mark.parametrize("norm", ["nuc", "-inf", 0, -1])
def test_other_norms_are_refused(norm):
    with pytest.raises(UsageError) as caught:
        prune(Residual(), IMAGE, norm=norm)
    assert str(caught.value) == (
        "the norm cannot rank units of several layers: expected a positive number, inf or fro, "
        f"found {PruneConfig(method='ln_structured', norm=norm).norm}. Set norm = 2 in the rule "
        "with groups"
    )


def test_random_units_depend_on_the_seed():
    models = [prune(Residual(), IMAGE, method="random_structured", seed=n) for n in (1, 1, 2, 3)]
    chosen = [zero_rows(model.stem.weight) for model in models]
    assert chosen[0] == chosen[1]
    assert len({tuple(each) for each in chosen}) > 1


def test_grouped_convolutions_lose_the_same_places_of_all_groups():
    model = prune(Grouped(), IMAGE)
    gone = zero_rows(model.stem.weight)
    assert len(gone) == 4
    assert zero_rows(model.grouped.weight, 1) == gone
    made = zero_rows(model.grouped.weight)
    assert made == zero_rows(model.depthwise.weight)
    assert [c + 6 for c in made if c < 6] == [c for c in made if c >= 6]
    assert len(zero_rows(model.head.weight, 1)) == 16 * len(made)


def test_whole_heads_and_neurons_go_and_features_of_layer_norms_stay():
    with collect_remarks() as remarks:
        model = prune(Block(), ROWS, amount=1, method="ln_structured")
    attention = model.attention
    gone = zero_rows(attention.v.weight)
    assert len(gone) == 4
    assert gone[0] % 4 == 0
    for layer in (attention.q, attention.k):
        assert zero_rows(layer.weight) == gone
    assert zero_rows(attention.o.weight, 1) == gone
    assert len(zero_rows(model.first.weight)) == 1
    assert zero_rows(model.second.weight) == []
    (text,) = [text for text in remarks if text.startswith("channel groups")]
    assert "(LayerNorm depends on all of them)" in text
    assert "`head` (they are outputs of the model)" in text


def test_a_group_stays_if_a_layer_is_excluded():
    with collect_remarks() as remarks:
        model = prune(Residual(), IMAGE, exclude=["outer"])
    assert zero_rows(model.stem.weight) == []
    assert len(zero_rows(model.inner.weight)) == 3
    assert any("(not all of its layers are in the rule)" in text for text in remarks)


def test_nothing_to_prune_is_refused():
    with pytest.raises(UsageError) as caught:
        prune(Residual(), IMAGE, layers="head")
    message = str(caught.value)
    assert message.startswith(
        "`ln_structured` finds no channel group in the layers of its rule: expected layers whose "
        "channels other layers read, found "
    )
    assert message.endswith("Name all layers of a group in layers, or leave groups out")


def test_rounds_of_a_schedule_arrive_at_the_amount():
    model = Residual()
    for step in (1, 2, 3):
        prune(model, IMAGE, schedule="iterative", steps=3, step=step)
    assert len(zero_rows(model.stem.weight)) == 4
    assert len(zero_rows(model.inner.weight)) == 3


def test_the_outputs_of_the_masked_model_stay_when_masks_are_removed():
    model = prune(Residual(), IMAGE)
    before = model(torch.tensor(IMAGE["x"]))
    remove_masks(model)
    assert not list(pruned_parameters(model))
    assert torch.equal(model(torch.tensor(IMAGE["x"])), before)


def test_finding_groups_leaves_the_model_as_it_is():
    model = prune(Residual(), IMAGE)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.requires_grad_(False)
    assert sorted(group.count for group in find_groups(model, IMAGE)) == [4, 6, 8]
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    assert not any(tensor.requires_grad for tensor in model.parameters())


def test_a_model_that_cannot_be_traced_is_refused():
    class Failing(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x):  # noqa: ARG002
            raise RuntimeError("no such luck")

    with pytest.raises(UsageError) as caught:
        find_groups(Failing(), IMAGE)
    assert str(caught.value) == (
        "the channel groups of the model cannot be found: expected a model that torch-pruning can "
        "trace, found RuntimeError: no such luck. Leave groups out: then each layer is pruned for "
        "itself"
    )


def test_torch_pruning_must_be_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    with pytest.raises(UsageError) as caught:
        find_groups(Residual(), IMAGE)
    message = str(caught.value)
    assert message.startswith("torch-pruning cannot be imported (")
    assert message.endswith(
        "expected torch-pruning, which finds the channel groups, found none. Install "
        "`prunepack[groups]`"
    )


def test_a_model_alone_is_refused():
    with pytest.raises(UsageError) as caught:
        apply_to_groups(PruneConfig(), [], Residual(), None, Round("one_shot", 1, 1))
    assert str(caught.value) == (
        "channel groups need inputs of the model: expected the prune stage, which has them, found "
        "a model alone. Leave groups out, or use prunepack prune"
    )


def test_an_onnx_model_is_refused():
    refuse_groups([PruneConfig()])
    with pytest.raises(UsageError) as caught:
        refuse_groups([PruneConfig(method="ln_structured", groups=True)])
    assert str(caught.value) == (
        "channel groups are found in a torch model only: expected a model with load.model = "
        "file.py:factory, found an ONNX model. Leave groups out: compact removes the channels "
        "that no other layer shares"
    )


@pytest.mark.parametrize("options", [{"dim": 1}, {"min_left": 2}, {"scope": "global"}])
def test_options_that_groups_do_not_have(options):
    with pytest.raises(ValidationError, match="groups has no dim, no min_left and no global scope"):
        PruneConfig(method="ln_structured", groups=True, **options)


def test_groups_are_for_structured_methods():
    with pytest.raises(ValidationError, match="groups is for the method ln_structured or"):
        PruneConfig(groups=True)

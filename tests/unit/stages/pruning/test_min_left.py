"""min_left: weights that stay in every tensor, and remarks about emptied ones."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from prunepack.errors import UsageError
from prunepack.stages.prune import PruneConfig
from prunepack.stages.pruning.amounts import count_least


def net():
    model = nn.Sequential(nn.Linear(20, 10), nn.Linear(10, 5), nn.Linear(5, 4))
    nn.init.normal_(model[1].weight, std=1e-5)
    return model


def left(masks):
    return {name: int(mask.count_nonzero()) for name, mask in masks.items()}


def test_global_ranking_may_empty_a_layer_which_is_told(prune_module):
    masks, remarks = prune_module(net(), amount=0.5)
    assert left(masks)["1.weight"] == 0
    assert remarks == [
        "`1.weight` has no weights left: its layer gives a constant; prune.min_left keeps some"
    ]


def test_several_empty_layers_are_told_at_once(prune_module):
    _, remarks = prune_module(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), amount=1.0)
    assert remarks == [
        "`0.weight`, `1.weight` have no weights left: their layers give a constant; prune.min_left "
        "keeps some"
    ]


@pytest.mark.parametrize(("min_left", "least"), [(7, 7), (0.1, 5), (0.11, 6), ("3", 3)])
def test_at_least_these_stay_and_the_others_take_the_difference(prune_module, min_left, least):
    model = net()
    masks, remarks = prune_module(model, amount=0.5, min_left=min_left)
    assert left(masks)["1.weight"] == least
    assert sum(left(masks).values()) == 135
    assert remarks == []
    kept = model[1].weight_orig.detach().abs()
    assert kept[masks["1.weight"] == 0].max() <= kept[masks["1.weight"] == 1].min()


def test_the_others_are_ranked_as_torch_ranks_them(prune_module):
    model = net()
    masks, _ = prune_module(model, amount=0.5, min_left=5)
    values = torch.cat([model[i].weight_orig.detach().abs().flatten() for i in (0, 2)])
    kept = torch.cat([masks[f"{i}.weight"].flatten() for i in (0, 2)]).bool()
    assert values[~kept].max() <= values[kept].min()


@pytest.mark.parametrize("method", ["random_unstructured", "l1_unstructured"])
@pytest.mark.parametrize("scope", ["local", "global"])
def test_an_amount_that_leaves_too_few_is_smaller_and_told(prune_module, method, scope):
    masks, remarks = prune_module(
        nn.Sequential(nn.Linear(10, 10)), method=method, scope=scope, amount=0.95, min_left=0.1
    )
    assert left(masks) == {"0.weight": 10}
    assert remarks == ["min_left = 0.1 keeps 5 units that amount = 0.95 would prune in `0.weight`"]


def test_channels_stay_as_well(prune_module):
    masks, remarks = prune_module(nn.Linear(10, 8), method="ln_structured", amount=1.0, min_left=11)
    assert (masks["weight"] == 1).all(1).sum() == 2
    assert remarks == ["min_left = 11 keeps 2 units that amount = 1.0 would prune in `weight`"]


def test_rounds_keep_them_too(prune_module):
    model = net()
    for step in (1, 2, 3):
        masks, _ = prune_module(
            model, amount=0.9, min_left=0.2, schedule="cubic", steps=3, step=step
        )
        assert left(masks)["1.weight"] >= 10
    assert sum(left(masks).values()) == 27 or left(masks)["1.weight"] == 10


def test_a_tensor_that_had_fewer_already_stays_as_it_is(prune_module):
    model = net()
    prune_module(model, amount=0.9, layers="1", scope="local")
    masks, _ = prune_module(model, amount=0.5, min_left=0.5)
    assert left(masks)["1.weight"] == 5


def test_a_method_without_an_amount_that_leaves_too_few(prune_module):
    with pytest.raises(UsageError) as caught:
        prune_module(nn.Linear(8, 4), method="n_m", pattern="1:4", min_left=0.5)
    assert caught.value.what == "`n_m` leaves fewer weights in `weight` than `min_left`"
    assert caught.value.expected == "at least 16 weights"
    assert caught.value.found == "8"
    assert caught.value.hint == (
        "Lower min_left, or choose a method that ranks weights or channels by an amount"
    )


@pytest.mark.parametrize(
    ("min_left", "total", "least"),
    [(0, 10, 0), (3, 10, 3), (30, 10, 10), (0.25, 10, 3), (0.1, 30, 3), (0.7, 10, 7), (1.0, 9, 9)],
)
def test_a_fraction_is_rounded_up(min_left, total, least):
    assert count_least(min_left, total) == least


def test_a_fraction_beyond_one():
    with pytest.raises(ValidationError, match=r"a fraction lies between 0\.0 and 1\.0"):
        PruneConfig(min_left=1.5)

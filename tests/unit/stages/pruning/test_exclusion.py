"""Layers that stay dense, and the remarks about them."""

import pytest
import torch
from torch import nn

from prunepack.errors import UsageError


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv1d(2, 4, 3)
        self.norm = nn.BatchNorm1d(4)
        self.attention = nn.MultiheadAttention(4, 2)
        self.body = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
        self.head = nn.Linear(4, 2)


ALL = [
    "stem.weight",
    "attention.in_proj_weight",
    "attention.out_proj.weight",
    "body.0.weight",
    "body.1.weight",
    "head.weight",
]


@pytest.mark.parametrize(
    ("exclude", "gone"),
    [
        ([], []),
        (["first"], ["stem.weight"]),
        (["last"], ["head.weight"]),
        (["first", "last"], ["stem.weight", "head.weight"]),
        (["body"], ["body.0.weight", "body.1.weight"]),
        (["body.*"], ["body.0.weight", "body.1.weight"]),
        (["body.1.weight"], ["body.1.weight"]),
        (["attention"], ["attention.in_proj_weight", "attention.out_proj.weight"]),
        (["attention.out_proj"], ["attention.out_proj.weight"]),
        (["h*", "stem"], ["stem.weight", "head.weight"]),
    ],
)
def test_excluded_layers_stay_dense_and_are_told(prune_module, exclude, gone):
    masks, remarks = prune_module(Net(), amount=0.5, exclude=exclude)
    assert list(masks) == [name for name in ALL if name not in gone]
    told = [f"excluded: {', '.join(f'`{name}`' for name in gone)}"] if gone else []
    assert remarks == told


def test_the_last_layer_may_hold_a_tied_weight(prune_module):
    model = nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 4), nn.Linear(4, 6, bias=False))
    model[2].weight = model[0].weight
    masks, _ = prune_module(model, amount=0.5, exclude=["last"])
    assert list(masks) == ["1.weight"]


def test_a_layer_called_first_comes_before_the_word(prune_module):
    model = nn.Sequential()
    model.add_module("a", nn.Linear(2, 2))
    model.add_module("first", nn.Linear(2, 2))
    masks, _ = prune_module(model, amount=0.5, exclude=["first"])
    assert list(masks) == ["a.weight"]


def test_a_name_that_no_layer_has(prune_module):
    with pytest.raises(UsageError) as caught:
        prune_module(Net(), exclude=["haed"])
    assert caught.value.what == "prune.exclude names no layer: `haed`"
    assert caught.value.expected == "first, last or the name of a layer"
    assert (
        caught.value.found
        == "`stem`, `attention`, `attention.out_proj`, `body.0`, `body.1`, `head`"
    )
    assert caught.value.hint == "Did you mean `head`?"


def test_a_name_like_no_layer(prune_module):
    with pytest.raises(UsageError) as caught:
        prune_module(Net(), exclude=["xyz"])
    assert caught.value.hint is None


def test_a_rule_for_excluded_layers_only(prune_module):
    with pytest.raises(UsageError) as caught:
        prune_module(Net(), layers="body.*", exclude=["body"])
    assert caught.value.what == "the rule for layers `body.*` prunes nothing"
    assert caught.value.expected == "a layer that is not excluded"
    assert caught.value.found == "prune.exclude names body.0.weight, body.1.weight"
    assert caught.value.hint == "Exclude fewer layers, or leave the rule out"


def test_a_model_without_a_weight(prune_module):
    with pytest.raises(UsageError) as caught:
        prune_module(nn.Sequential(nn.LayerNorm(8)))
    assert caught.value.what == "the model has no weight that can be pruned"
    assert caught.value.expected == "a parameter of two or more dimensions"
    assert caught.value.found == "`0.weight` (8,), `0.bias` (8,)"
    assert caught.value.hint == 'Set prune.method = "none" to carry the model through as it is'


def test_a_model_without_a_parameter(prune_module):
    with pytest.raises(UsageError) as caught:
        prune_module(nn.ReLU())
    assert caught.value.found == "no parameter"


# --- weights that no rule reaches ------------------------------------------------------------


def test_weights_that_no_rule_reaches_are_named(prune_module):
    _, remarks = prune_module(Net(), amount=0.5, layers="body.*")
    assert remarks == [
        "no rule reached `stem.weight`, `attention.in_proj_weight`, `attention.out_proj.weight`, "
        "`head.weight`"
    ]


def test_a_parameter_of_another_name_is_named(prune_module):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.kernel = nn.Linear(4, 4), nn.Parameter(torch.randn(4, 4))
            self.bias_k = nn.Parameter(torch.randn(1, 1, 4))

    masks, remarks = prune_module(Own(), amount=0.5)
    assert list(masks) == ["fc.weight"]
    assert remarks == ["no rule reached `kernel`"]


def test_many_names_are_counted(prune_module):
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(12)))
    _, (remark,) = prune_module(model, amount=0.5, layers="0")
    assert remark.endswith("`8.weight`, … (11 in all)")


def test_a_weight_with_an_earlier_mask_is_not_named(prune_module):
    model = Net()
    prune_module(model, amount=0.5)
    _, remarks = prune_module(model, amount=0.5, layers="head")
    assert remarks == []


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("weight_hh_*", ["rnn.weight_hh_l0"]),
        ("weight_ih_l0", ["rnn.weight_ih_l0"]),
        ("*", ["rnn.weight_ih_l0", "rnn.weight_hh_l0", "fc.weight"]),
        ("weigh[t]", ["fc.weight"]),
        ("bias", ["fc.bias"]),
    ],
)
def test_names_and_globs_of_parameters(prune_module, parameter, expected):
    model = nn.ModuleDict({"rnn": nn.GRU(3, 4), "fc": nn.Linear(4, 2)})
    masks, _ = prune_module(model, parameter=parameter, amount=1, scope="local")
    assert list(masks) == expected


# --- ties ------------------------------------------------------------------------------------


@pytest.mark.parametrize("transpose", [True, False])
def test_parameters_over_the_same_memory_share_one_mask(prune_module, transpose):
    first, second = nn.Linear(3, 5, bias=False), nn.Linear(5, 3, bias=False)
    shared = first.weight.data
    second.weight = nn.Parameter(shared.t() if transpose else shared.view(5, 3))
    masks, _ = prune_module(nn.Sequential(first, second), amount=0.4)
    assert int((masks["0.weight"] == 0).sum()) == 6
    other = masks["1.weight"].t() if transpose else masks["1.weight"]
    assert torch.equal(masks["0.weight"], other)
    assert torch.equal(first.weight_orig, shared)


def test_a_reshaped_view_is_a_weight_of_its_own(prune_module):
    first, second = nn.Linear(4, 3, bias=False), nn.Linear(6, 2, bias=False)
    second.weight = nn.Parameter(first.weight.data.view(2, 6))
    masks, _ = prune_module(nn.Sequential(first, second), amount=0.5, scope="local")
    assert {name: tuple(mask.shape) for name, mask in masks.items()} == {
        "0.weight": (3, 4),
        "1.weight": (2, 6),
    }

"""Remarks about weights that change, and outputs that no longer do."""

import torch
from torch import nn
from torch.nn.utils import parametrizations

from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.pruning.masks import put_mask
from prunepack.stages.pruning.remarks import remark_constant, remark_untrained


def test_remaining_weights_that_a_norm_makes_larger_are_told(prune_module):
    model = nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 2, bias=False)))
    with torch.no_grad():
        originals = model[0].parametrizations.weight
        originals.original0.copy_(torch.tensor([[5.0], [8.0]]))
        originals.original1.copy_(torch.tensor([[3.0, 4.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]))
    _, remarks = prune_module(model, amount=3)
    assert remarks == [
        "remaining weights of `0.weight` are up to 1.25 times larger than before: their layers "
        "divide by a norm, which pruning makes smaller; fine-tune them, or remove the norm before "
        "pruning"
    ]


def test_zeros_leave_a_norm_as_it_is(prune_module):
    model = nn.Sequential(parametrizations.weight_norm(nn.Linear(2, 1, bias=False)))
    with torch.no_grad():
        model[0].parametrizations.weight.original1.copy_(torch.tensor([[3.0, 0.0]]))
    assert prune_module(model, amount=1)[1] == []


def constant_outputs(before, after):
    with collect_remarks() as remarks:
        remark_constant(before, after)
    return remarks


def test_an_output_that_became_constant_is_told():
    varying, constant = torch.randn(4, 3), torch.ones(4, 3)
    assert constant_outputs([varying, varying], [varying, constant]) == [
        "output 1 no longer depends on the inputs: all random samples give the same values; prune "
        "less, or set prune.min_left"
    ]


def test_an_output_that_was_constant_is_not():
    constant, scalar = torch.ones(4, 3), torch.tensor(1.0)
    assert constant_outputs([constant, scalar], [constant, scalar]) == []


def test_without_outputs_there_is_nothing_to_tell():
    assert constant_outputs([], []) == []


# --- weights that training did not reach -----------------------------------------------------


def masked_pair():
    model = nn.ModuleDict({"used": nn.Linear(2, 2), "idle": nn.Linear(2, 2)})
    for layer in model.values():
        put_mask(layer, "weight", torch.eye(2))
    return model


def untrained(model):
    with collect_remarks() as remarks:
        remark_untrained(model)
    return remarks


def test_a_masked_weight_without_a_gradient_is_told():
    model = masked_pair()
    model["used"](torch.ones(1, 2)).sum().backward()
    assert untrained(model) == ["training left `idle.weight` as before: no gradient reached them"]


def test_a_frozen_weight_is_not():
    model = masked_pair()
    model["idle"].requires_grad_(False)
    model["used"](torch.ones(1, 2)).sum().backward()
    assert untrained(model) == []


def test_without_any_gradient_nothing_is_known():
    assert untrained(masked_pair()) == []

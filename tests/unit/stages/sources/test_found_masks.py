"""Masks of a pruned state dict: from its entries, and from the zeros of its weights."""

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from prunepack.errors import RefusedError
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.sources.found_masks import (
    has_weights_under_masks,
    mask_zeros,
    split_masks,
)


def make_model(*zeros):
    """Return linear layers of 4 × 5 weights, with some zeros in each."""
    model = nn.Sequential(*(nn.Linear(5, 4) for _ in zeros))
    for layer, count in zip(model, zeros, strict=True):
        with torch.no_grad():
            layer.weight.view(-1)[:count] = -0.0
    return model


def mask(model, choice="auto"):
    with collect_remarks() as remarks:
        mask_zeros(model, choice)
    return [place.name for place in pruned_parameters(model)], remarks


@pytest.mark.parametrize(
    ("zeros", "choice", "names"),
    [
        ((6, 5), "auto", ["0.weight"]),
        ((6, 5), "from_zeros", ["0.weight", "1.weight"]),
        ((6, 5), "keep", []),
        ((6, 5), "none", []),
        ((0, 0), "from_zeros", []),
        ((20, 6), "auto", ["0.weight", "1.weight"]),
        ((20, 5), "auto", []),
        ((20, 5), "from_zeros", ["0.weight", "1.weight"]),
    ],
)
def test_zeros_become_masks(zeros, choice, names):
    assert mask(make_model(*zeros), choice)[0] == names


def test_zeros_are_told_with_their_share():
    _, remarks = mask(make_model(6, 10))
    assert remarks == ["zeros taken as masks in `0.weight` (30.0 %), `1.weight` (50.0 %)"]


def test_the_mask_is_where_the_zeros_are():
    model = make_model(6)
    weight = model[0].weight.clone()
    mask(model)
    assert torch.equal(model[0].weight_mask == 0, weight == 0)
    assert torch.equal(model[0].weight_orig, weight)


def test_zeros_of_tied_weights_are_masked_in_both_places():
    model = make_model(10, 0)
    model[1].weight = model[0].weight
    assert mask(model)[0] == ["0.weight", "1.weight"]
    assert model[0].weight_orig is model[1].weight_orig


def masked_state():
    model = make_model(0, 0)
    prune.l1_unstructured(model[0], "weight", 0.5)
    return model.state_dict()


@pytest.mark.parametrize("choice", ["auto", "keep", "from_zeros"])
def test_masks_of_a_state_dict(choice):
    with collect_remarks() as remarks:
        found = split_masks(masked_state(), choice, "w.pth")
    assert (found.masked, found.places) == (("0.weight",), [("0", "weight")])
    assert remarks == ["1 mask found in `w.pth`"]
    assert has_weights_under_masks(found.state, found.masked)


def test_masks_that_are_taken_off():
    state = masked_state()
    with collect_remarks() as remarks:
        found = split_masks(state, "none", "w.pth")
    assert found.masked == ()
    assert found.state["0.weight"] is state["0.weight_orig"]
    assert "0.weight_mask" not in found.state
    assert remarks == ["masks of `w.pth` taken off: the weights under them are loaded"]


def test_masks_of_torch_ao():
    state = {
        "0.parametrizations.weight.original": torch.ones(2, 2),
        "0.parametrizations.weight.0.mask": torch.eye(2),
        "0.bias": torch.ones(2),
    }
    found = split_masks(state, "auto", "w.pth")
    assert found.masked == ("0.weight",)
    assert found.state.keys() == {"0.weight_orig", "0.weight_mask", "0.bias"}


def test_weights_that_are_zero_under_their_masks_are_not_the_dense_ones():
    state = masked_state()
    state["0.weight_orig"] = state["0.weight_orig"] * state["0.weight_mask"]
    assert not has_weights_under_masks(state, ("0.weight",))


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (2.0, "2"), (-1.0, "-1"), (float("nan"), "nan")]
)
def test_a_mask_of_other_values(value, text):
    state = {"fc.bias_orig": torch.ones(10), "fc.bias_mask": torch.full((10,), value)}
    with pytest.raises(RefusedError) as caught:
        split_masks(state, "auto", "w.pth")
    error = caught.value
    assert error.what == "the mask `fc.bias_mask` of `w.pth` holds other values than 0 and 1"
    assert (error.expected, error.found) == ("zeros and ones", text)
    assert error.hint == "Multiply soft masks into the weights before saving"

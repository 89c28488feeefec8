"""Computed weights: masks on their directions, ranking by the weights, folding."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils import prune as torch_prune
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils import weight_norm as old_weight_norm

from prunepack.stages.finalize import remove_masks
from prunepack.stages.pruning.masks import held_parameters
from prunepack.stages.pruning.parametrizations import find_roles, fold_parametrizations
from prunepack.stages.pruning.targets import count_weights

KINDS = {
    "weight_norm": (parametrizations.weight_norm, "0.parametrizations.weight.original1"),
    "spectral_norm": (parametrizations.spectral_norm, "0.parametrizations.weight.original"),
    "old weight_norm": (old_weight_norm, "0.weight_v"),
    "old spectral_norm": (old_spectral_norm, "0.weight_orig"),
}


def stack(norm):
    first = norm(nn.Linear(6, 4))
    with torch.no_grad():
        for name, tensor in first.named_parameters():
            if name.endswith(("weight_g", "original0")):
                tensor.copy_(torch.tensor([[0.1], [1.0], [-10.0], [100.0]]))
    return nn.Sequential(first, nn.ReLU(), nn.Linear(4, 3)).eval()


NORMS = {"0.parametrizations.weight.original1": "original0", "0.weight_v": "weight_g"}


def effective_mask(masks, direction):
    """Return the mask of the weight: that of the direction, times that of its norms."""
    layer, _, name = direction.rpartition(".")
    norms = masks.get(f"{layer}.{NORMS.get(direction, name)}", torch.ones(()))
    return masks[direction] * norms


@pytest.mark.parametrize("kind", KINDS)
def test_the_direction_wears_the_mask(prune_module, kind):
    norm, direction = KINDS[kind]
    model = stack(norm)
    masks, remarks = prune_module(model, amount=0.25, scope="local")
    assert list(masks) == [direction, "2.weight"]
    assert all(text.startswith("remaining weights of `0.weight`") for text in remarks)
    with torch.no_grad():
        model(torch.randn(2, 6))
    assert bool((model[0].weight[masks[direction] == 0] == 0).all())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scope", ["global", "local"])
def test_weights_are_ranked_as_the_layer_uses_them(prune_module, kind, scope):
    norm, direction = KINDS[kind]
    model = stack(norm)
    with torch.no_grad():
        model(torch.randn(2, 6))
    plain = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))
    plain.load_state_dict(
        {**plain.state_dict(), "0.weight": model[0].weight.detach()}
        | {name: model.state_dict()[name] for name in ("2.weight", "2.bias")}
    )
    masks, _ = prune_module(model, amount=0.4, scope=scope)
    both = [(plain[0], "weight"), (plain[2], "weight")]
    if scope == "global":
        torch_prune.global_unstructured(both, torch_prune.L1Unstructured, amount=0.4)
    else:
        for layer, name in both:
            torch_prune.l1_unstructured(layer, name, 0.4)
    assert torch.equal(effective_mask(masks, direction), plain[0].weight_mask)
    assert torch.equal(masks["2.weight"], plain[2].weight_mask)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["ln_structured", "random_unstructured", "random_structured"])
def test_other_methods_reach_it_too(prune_module, kind, method):
    norm, direction = KINDS[kind]
    masks, _ = prune_module(stack(norm), method=method, amount=0.5, layers="0")
    assert int((effective_mask(masks, direction) == 0).sum()) == 12


@pytest.mark.parametrize("kind", KINDS)
def test_training_moves_remaining_weights_and_keeps_pruned_ones(prune_module, kind):
    norm, direction = KINDS[kind]
    model = stack(norm)
    masks, _ = prune_module(model, amount=0.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    model.train()
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(5, 6)).square().sum().backward()
        optimizer.step()
    original = dict(model.named_parameters())[f"{direction}_orig"]
    assert bool((original.grad[masks[direction] == 0] == 0).all())
    assert bool((original.grad[masks[direction] != 0] != 0).any())


@pytest.mark.parametrize("kind", KINDS)
def test_finalized_weights_are_plain_and_pruned_ones_are_plus_zero(prune_module, kind):
    norm, direction = KINDS[kind]
    model = stack(norm)
    before, _ = prune_module(model, amount=0.5)
    mask = effective_mask(before, direction).clone()
    x = torch.randn(3, 6)
    with torch.no_grad():
        expected = model(x)
        masks = remove_masks(model)
        assert torch.equal(model(x), expected)
    assert bool((masks["0.weight"] >= mask).all())
    assert torch.equal(model[0].weight != 0, mask != 0)
    assert set(model.state_dict()) == {"0.bias", "0.weight", "2.weight", "2.bias"}
    zeros = model[0].weight.detach()[mask == 0]
    assert not zeros.view(torch.int32).any()


def test_a_norm_can_be_pruned_by_its_own_name(prune_module):
    model = stack(parametrizations.weight_norm)
    masks, _ = prune_module(model, parameter="original0", amount=1)
    assert list(masks) == ["0.parametrizations.weight.original0"]
    with torch.no_grad():
        assert remove_masks(model) == {}
    assert not model[0].weight[0].any()


class Doubled(nn.Module):
    def forward(self, weight):
        return weight + 1


def test_a_parametrisation_that_does_not_keep_zeros_is_told(prune_module):
    model = stack(nn.Module.eval)
    parametrize.register_parametrization(model[0], "weight", Doubled())
    masks, remarks = prune_module(model, amount=0.5)
    assert list(masks) == ["2.weight"]
    assert remarks == [
        "`0.weight` is not pruned: its parametrisation `Doubled` does not keep zeros"
    ]


def test_roles_name_the_weight_of_the_layer():
    model = stack(parametrizations.weight_norm)
    find_role = find_roles(model)
    roles = {place.name: find_role(place) for place, _ in held_parameters(model)}
    assert roles["0.parametrizations.weight.original1"].name == "0.weight"
    assert roles["0.parametrizations.weight.original0"].is_part
    assert roles["2.weight"].name == "2.weight"


def test_folding_a_model_without_computed_weights_changes_nothing():
    model = nn.Sequential(nn.Linear(2, 2))
    assert fold_parametrizations(model) == []


def test_a_parametrised_weight_of_a_recurrent_layer(prune_module):
    layer = parametrizations.weight_norm(nn.LSTM(3, 4), "weight_hh_l0")
    masks, _ = prune_module(layer, amount=0.25, scope="local")
    assert set(masks) >= {"weight_ih_l0", "parametrizations.weight_hh_l0.original1"}


# --- directions of zeros, which have no norm -------------------------------------------------


@pytest.mark.parametrize("kind", ["weight_norm", "old weight_norm"])
def test_a_whole_channel_is_pruned_by_its_norm(prune_module, kind):
    norm, direction = KINDS[kind]
    model = stack(norm)
    x = torch.randn(3, 6)
    for _ in range(2):
        masks, remarks = prune_module(model, method="ln_structured", amount=1, layers="0")
        assert all("no rule reached" in text for text in remarks)
        with torch.no_grad():
            assert bool(model(x).isfinite().all())
    assert bool((masks[direction].sum(1) >= 1).all())
    dead = (effective_mask(masks, direction) == 0).all(1)
    assert dead.sum() == 2
    with torch.no_grad():
        remove_masks(model)
    assert torch.equal((model[0].weight == 0).all(1), dead)


@pytest.mark.parametrize("kind", ["weight_norm", "old weight_norm"])
def test_an_emptied_weight_is_told_and_finite(prune_module, kind):
    norm, _ = KINDS[kind]
    model = stack(norm)
    _, remarks = prune_module(model, amount=1.0, layers="0")
    assert any(text.startswith("`0.weight` has no weights left") for text in remarks)
    with torch.no_grad():
        assert bool(model(torch.randn(2, 6)).isfinite().all())
        assert not model[0].weight.any()


@pytest.mark.parametrize("kind", ["spectral_norm", "old spectral_norm"])
def test_a_spectral_norm_keeps_one_weight(prune_module, kind):
    norm, direction = KINDS[kind]
    masks, _ = prune_module(stack(norm), amount=1.0, layers="0")
    assert int(masks[direction].count_nonzero()) == 1


def test_one_norm_of_the_whole_tensor(prune_module):
    model = nn.Sequential(parametrizations.weight_norm(nn.Linear(6, 4), dim=None)).eval()
    masks, _ = prune_module(model, method="ln_structured", amount=1)
    assert list(masks) == ["0.parametrizations.weight.original1"]
    prune_module(model, amount=1.0)
    with torch.no_grad():
        assert bool(model(torch.randn(2, 6)).isfinite().all())


def test_counts_are_those_of_weights(prune_module):
    model = stack(parametrizations.weight_norm)
    prune_module(model, method="ln_structured", amount=0.5, layers="0")
    assert count_weights(model) == (12, 24, 36)

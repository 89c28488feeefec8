"""Masks in force where a weight is read without a call of its layer."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from prunepack.stages.pruning.masks import lift_mask, pruned_parameters, put_mask
from prunepack.stages.pruning.recomputation import (
    fix_masked_weights,
    recompute_before_forward,
    recompute_masked_weights,
)


def find_bypassed(model, run):
    """Return the masked parameters that a forward pass reads without their masks.

    Such a parameter gets a gradient when its mask is off, and none when it is on.

    Args:
        model: The masked model.
        run: A forward pass of ``model`` with gradients; returns the outputs.
    """
    places = [place for place in pruned_parameters(model) if place.original.requires_grad]
    suspects = _list_untouched(places, run)
    if not suspects:
        return []
    masks = [(place, place.mask.clone()) for place in suspects]
    for place, _ in masks:
        lift_mask(place)
    try:
        tensors = [getattr(place.module, place.parameter) for place in suspects]
        gradients = _differentiate(run(), tensors)
    finally:
        for place, mask in masks:
            put_mask(place.module, place.parameter, mask)
    pairs = zip(suspects, gradients, strict=True)
    return [place for place, gradient in pairs if gradient is not None]


def _list_untouched(places, run):
    """Return the ``places`` whose parameters get no gradient."""
    gradients = _differentiate(run(), [place.original for place in places])
    return [place for place, grad in zip(places, gradients, strict=True) if grad is None]


def _differentiate(outputs, tensors):
    """Return the gradient of the sum of ``outputs`` by each of ``tensors``; None for no part."""
    terms = [value.sum() for value in outputs if value.requires_grad]
    if not terms or not tensors:
        return [None] * len(tensors)
    return torch.autograd.grad(terms, tensors, allow_unused=True)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


class Reader(nn.Module):
    """A module with a layer that it never calls, although it reads its weight."""

    def __init__(self):
        super().__init__()
        self.inner = nn.ModuleDict({"fc": nn.Linear(8, 8)})

    def forward(self, x):
        return nn.functional.linear(x, self.inner["fc"].weight)


def encoder():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


def masked(build):
    torch.manual_seed(0)
    model = build()
    for module in model.modules():
        for parameter in ("weight", "in_proj_weight"):
            tensor = module._parameters.get(parameter)
            if tensor is not None and tensor.ndim > 1:
                put_mask(module, parameter, (torch.rand_like(tensor) < 0.5) * 1.0)
    return model


def dense_outputs(model, x):
    """Run a plain copy whose weights are those under the masks, times the masks."""
    plain = copy.deepcopy(model)
    for place in list(pruned_parameters(plain)):
        weight = (place.original * place.mask).detach()
        torch.nn.utils.prune.remove(place.module, place.parameter)
        getattr(place.module, place.parameter).data = weight
    with torch.no_grad():
        return plain(x)


@pytest.mark.parametrize("build", [Attention, Reader, encoder])
def test_without_recomputation_such_a_weight_gets_no_gradient(build):
    model = masked(build)
    x = torch.randn(2, 3, 8)
    bypassed = find_bypassed(model, lambda: [model(x)])
    assert [place.name for place in bypassed] == {
        Attention: ["attention.out_proj.weight"],
        Reader: ["inner.fc.weight"],
        encoder: [f"layers.{i}.self_attn.out_proj.weight" for i in range(2)],
    }[build]
    assert len(list(pruned_parameters(model))) > len(bypassed) or build is Reader


@pytest.mark.parametrize("build", [Attention, Reader, encoder])
@pytest.mark.parametrize("mode", [True, False])
def test_with_it_every_masked_weight_gets_one_of_the_mask(build, mode):
    model = masked(build).train(mode)
    recompute_before_forward(model)
    x = torch.randn(2, 3, 8)
    for _ in range(2):
        model(x).square().sum().backward()
    for place in pruned_parameters(model):
        assert place.original.grad is not None, place.name
        assert bool((place.original.grad[place.mask == 0] == 0).all()), place.name
    assert find_bypassed(model, lambda: [model(x)]) == []


@pytest.mark.parametrize("build", [Attention, Reader, encoder])
def test_a_step_of_the_optimizer_is_in_force_at_the_next_inference(build):
    model = masked(build)
    recompute_before_forward(model)
    x = torch.randn(2, 3, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.train()
    model(x).square().sum().backward()
    optimizer.step()
    model.eval()
    with torch.inference_mode():
        outputs = model(x)  # the fast path of TransformerEncoderLayer reads weights without calls
    with torch.no_grad():
        model(x)
    torch.testing.assert_close(outputs, dense_outputs(model, x), rtol=1e-5, atol=1e-6)


def test_a_part_that_is_called_alone_recomputes_its_weights():
    model = nn.Sequential(masked(Attention), nn.Linear(8, 2))
    recompute_before_forward(model)
    with torch.no_grad():
        model[0].attention.out_proj.weight_orig.fill_(2.0)
        model[0](torch.randn(1, 2, 8))
    layer = model[0].attention.out_proj
    assert torch.equal(layer.weight, 2 * layer.weight_mask)


def test_a_second_call_adds_no_hook():
    model = masked(encoder)
    recompute_before_forward(model)
    hooks = [len(module._forward_pre_hooks) for module in model.modules()]
    recompute_before_forward(model)
    assert hooks == [len(module._forward_pre_hooks) for module in model.modules()]


def test_recomputed_weights_have_no_graph():
    model = masked(Attention)
    with torch.no_grad():
        model.attention.out_proj.weight_orig.fill_(3.0)
    recompute_masked_weights(model)
    assert model.attention.out_proj.weight.grad_fn is None
    assert set(model.attention.out_proj.weight.flatten().tolist()) == {0.0, 3.0}
    assert copy.deepcopy(model) is not model


def test_a_layer_that_takes_no_part_is_not_bypassed():
    model = masked(lambda: nn.ModuleDict({"a": nn.Linear(8, 8), "b": nn.Linear(8, 8)}))
    x = torch.randn(1, 8)
    assert find_bypassed(model, lambda: [model["a"](x)]) == []
    assert [place.name for place in pruned_parameters(model)] == ["a.weight", "b.weight"]


def test_outputs_without_gradients_say_nothing():
    model = masked(Reader)
    with torch.no_grad():
        assert find_bypassed(model, lambda: [model(torch.randn(1, 8))]) == []


def test_hooks_that_a_forward_pass_removes_or_adds_stay_so():
    net = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 2))
    prune.l1_unstructured(net[1], "weight", 0.5)
    first = net[1].register_forward_pre_hook(lambda *_: None)
    order = list(net[1]._forward_pre_hooks)
    with fix_masked_weights(net), torch.no_grad():
        assert list(net[1]._forward_pre_hooks) == [first.id]
        net(torch.ones(1, 4))  # takes off the hook of the lazy layer
        last = net[1].register_forward_pre_hook(lambda *_: None)
    assert not net[0]._forward_pre_hooks
    assert list(net[1]._forward_pre_hooks) == [*order, last.id]

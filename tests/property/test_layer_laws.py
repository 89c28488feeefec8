"""Laws of pruning over kinds of layers: the masks of torch, exact counts, min_left, ties."""

import copy

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune as torch_prune

from prunepack.stages.prune import PruneConfig, apply_rules
from prunepack.stages.pruning.layers import Layout
from prunepack.stages.pruning.masks import pruned_parameters

FEW = settings(max_examples=40, deadline=None)
LAYERS = {
    "linear": lambda: nn.Linear(6, 4),
    "conv1d": lambda: nn.Conv1d(4, 6, 3, groups=2),
    "conv3d": lambda: nn.Conv3d(2, 3, 2),
    "transposed": lambda: nn.ConvTranspose2d(4, 6, 2),
    "embedding": lambda: nn.Embedding(7, 5),
    "bilinear": lambda: nn.Bilinear(2, 3, 4),
    "lstm": lambda: nn.LSTM(3, 4, proj_size=2, bidirectional=True),
    "gru cell": lambda: nn.GRUCell(3, 5),
    "attention": lambda: nn.MultiheadAttention(4, 2, kdim=3),
    "attention, same sizes": lambda: nn.MultiheadAttention(4, 2),
}
models = st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=3)
amounts = st.floats(0, 1) | st.integers(0, 6)


def build(kinds, seed):
    torch.manual_seed(seed)
    return nn.ModuleList(LAYERS[kind]() for kind in kinds).eval()


def matrices(model):
    return [
        (module, name)
        for module in model.modules()
        for name, tensor in list(module.named_parameters(recurse=False))
        if tensor.ndim > 1
    ]


def masks(model):
    return {place.name: place.mask for place in pruned_parameters(model)}


@FEW
@given(
    kinds=models,
    amount=amounts,
    seed=st.integers(0, 99),
    method=st.sampled_from(["l1_unstructured", "random_unstructured"]),
    scope=st.sampled_from(["local", "global"]),
)
def test_masks_of_single_weights_are_those_of_torch(kinds, amount, seed, method, scope):
    ours, theirs = build(kinds, seed), build(kinds, seed)
    apply_rules(PruneConfig(method=method, amount=amount, scope=scope, seed=seed), ours)
    torch.manual_seed(seed)
    classes = {
        "l1_unstructured": torch_prune.L1Unstructured,
        "random_unstructured": torch_prune.RandomUnstructured,
    }
    if scope == "global":
        torch_prune.global_unstructured(matrices(theirs), classes[method], amount=amount)
    else:
        for module, name in matrices(theirs):
            classes[method].apply(module, name, amount)
    expected = masks(theirs)
    found = masks(ours)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


@FEW
@given(
    kinds=models,
    amount=st.floats(0, 1),
    min_left=st.floats(0, 1) | st.integers(0, 10),
    seed=st.integers(0, 99),
    method=st.sampled_from(
        ["l1_unstructured", "random_unstructured", "ln_structured", "random_structured"]
    ),
)
def test_min_left_stays_and_no_more_than_the_amount_goes(kinds, amount, min_left, seed, method):
    model = build(kinds, seed)
    apply_rules(PruneConfig(method=method, amount=amount, min_left=min_left, seed=seed), model)
    found = masks(model)
    for mask in found.values():
        wanted = min_left if isinstance(min_left, int) else min_left * mask.numel() - 1e-6
        assert int(mask.count_nonzero()) >= min(wanted, mask.numel())
    if method == "l1_unstructured":
        total = sum(mask.numel() for mask in found.values())
        gone = sum(int((mask == 0).sum()) for mask in found.values())
        assert gone <= round(amount * total)


@FEW
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    groups=st.integers(1, 3),
    amount=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_dead_channels_of_transposed_convolutions_are_dead_outputs(shape, groups, amount, seed):
    inputs, outputs = (size * groups for size in shape)
    torch.manual_seed(seed)
    layer = nn.ConvTranspose1d(inputs, outputs, 2, groups=groups, bias=False)
    apply_rules(PruneConfig(method="ln_structured", amount=amount), layer)
    with torch.no_grad():
        dead = (layer(torch.randn(2, inputs, 3)) == 0).all(2).all(0)
    assert int(dead.sum()) == round(amount * outputs)
    channels = Layout(is_transposed=True, groups=groups).reorder(layer.weight_mask)
    assert torch.equal((channels == 0).flatten(1).all(1), dead)


@FEW
@given(amount=st.floats(0, 1), seed=st.integers(0, 99), first=st.booleans())
def test_a_transposed_tie_has_one_mask_through_training(amount, seed, first):
    torch.manual_seed(seed)
    encoder, decoder = nn.Linear(5, 3, bias=False), nn.Linear(3, 5, bias=False)
    decoder.weight = nn.Parameter(encoder.weight.data.t())
    model = nn.Sequential(*((encoder, decoder) if first else (decoder, encoder)))
    apply_rules(PruneConfig(amount=amount), model)
    x = torch.randn(4, 5 if first else 3)
    model(x).square().sum().backward()
    torch.optim.SGD(model.parameters(), 0.1).step()
    with torch.no_grad():
        model(x)
    assert int((encoder.weight_mask == 0).sum()) == round(amount * 15)
    assert torch.equal(encoder.weight_mask, decoder.weight_mask.t())
    assert torch.equal(encoder.weight, decoder.weight.t())
    assert torch.equal(copy.deepcopy(encoder.weight_orig), decoder.weight_orig.t())

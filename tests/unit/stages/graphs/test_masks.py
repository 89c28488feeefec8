"""Masks in numpy: the same as those of torch.nn.utils.prune."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from prunepack.errors import UsageError
from prunepack.stages.graphs.masks import (
    draw_like_torch,
    mask_groups,
    mask_random,
    mask_random_channels,
    mask_smallest,
    mask_smallest_channels,
)
from prunepack.stages.pruning.methods.n_m import KeepNOfM

SHAPES = [(16, 8), (6, 3, 3, 3), (7, 5)]


def values(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def pruned_by_torch(array, prune_it, mask=None):
    module = nn.Module()
    module.weight = nn.Parameter(torch.from_numpy(array.copy()))
    if mask is not None:
        prune.custom_from_mask(module, "weight", torch.from_numpy(mask))
    prune_it(module)
    return module.weight_mask.numpy().astype(bool)


def ones(array):
    return np.ones(array.shape, bool)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("amount", [0.0, 0.5, 0.73, 1.0])
def test_l1_local(shape, amount):
    array = values(shape)
    wanted = pruned_by_torch(array, lambda m: prune.l1_unstructured(m, "weight", amount))
    (mask,) = mask_smallest([array], [ones(array)], round(amount * array.size), [0])
    np.testing.assert_array_equal(mask, wanted)


def test_l1_of_remaining_weights():
    array, before = values((9, 7)), values((9, 7), 1) > 0
    wanted = pruned_by_torch(array, lambda m: prune.l1_unstructured(m, "weight", 0.4), before)
    (mask,) = mask_smallest([array], [before], round(0.4 * before.sum()), [0])
    np.testing.assert_array_equal(mask, wanted)


def test_l1_global():
    arrays = [values(shape, seed) for seed, shape in enumerate(SHAPES)]
    modules = [nn.Module() for _ in arrays]
    for module, array in zip(modules, arrays, strict=True):
        module.weight = nn.Parameter(torch.from_numpy(array.copy()))
    places = [(module, "weight") for module in modules]
    prune.global_unstructured(places, prune.L1Unstructured, amount=0.8)
    count = round(0.8 * sum(array.size for array in arrays))
    masks = mask_smallest(arrays, [ones(array) for array in arrays], count, [0, 0, 0])
    for module, mask in zip(modules, masks, strict=True):
        np.testing.assert_array_equal(mask, module.weight_mask.numpy().astype(bool))


@pytest.mark.parametrize("norm", [1.0, 2.0, float("inf"), float("-inf")])
@pytest.mark.parametrize("dim", [0, 1])
def test_ln_structured(norm, dim):
    array = values((8, 6, 3, 3))
    count = round(0.4 * array.shape[dim])
    wanted = pruned_by_torch(array, lambda m: prune.ln_structured(m, "weight", 0.4, norm, dim))
    mask = mask_smallest_channels(array, ones(array), count, dim, norm)
    np.testing.assert_array_equal(mask, wanted)


def test_ln_structured_of_remaining_channels():
    array, before = values((8, 6)), np.ones((8, 6), bool)
    before[[1, 5]] = False
    wanted = pruned_by_torch(
        array, lambda m: prune.ln_structured(m, "weight", 0.5, 2, 0), before.astype(np.float32)
    )
    np.testing.assert_array_equal(mask_smallest_channels(array, before, 3, 0, 2.0), wanted)


def test_the_nuclear_norm_ranks_matrices():
    array = values((8, 6, 5))
    norms = [np.linalg.norm(matrix, "nuc") for matrix in array]
    mask = mask_smallest_channels(array, ones(array), 3, 0, "nuc")
    assert set(np.flatnonzero(~mask.any((1, 2)))) == set(np.argsort(norms)[:3])
    with pytest.raises(UsageError) as refused:
        mask_smallest_channels(array[0], ones(array[0]), 3, 0, "nuc")
    assert (refused.value.what, refused.value.expected, refused.value.found) == (
        "the nuclear norm is of matrices",
        "channels of 2 dimensions",
        "1",
    )
    assert refused.value.hint == "Choose another norm, such as 1 or 2"


def test_numbers_of_torch():
    torch.manual_seed(11)
    wanted = [torch.rand(5).numpy(), torch.rand(100).numpy()]
    draw = draw_like_torch(11)
    np.testing.assert_array_equal(draw(5), wanted[0])
    np.testing.assert_array_equal(draw(100), wanted[1])


def test_random_weights():
    array = values((16, 8))
    torch.manual_seed(3)
    wanted = pruned_by_torch(array, lambda m: prune.random_unstructured(m, "weight", 0.3))
    (mask,) = mask_random([ones(array)], round(0.3 * array.size), [0], draw_like_torch(3))
    np.testing.assert_array_equal(mask, wanted)


def test_random_channels():
    array = values((16, 8))
    torch.manual_seed(3)
    wanted = pruned_by_torch(array, lambda m: prune.random_structured(m, "weight", 0.3, 0))
    mask = mask_random_channels(ones(array), round(0.3 * 16), 0, draw_like_torch(3))
    np.testing.assert_array_equal(mask, wanted)


def test_two_of_four():
    array = values((4, 8, 3))
    tensor = torch.from_numpy(array)
    wanted = KeepNOfM(2, 4).compute_mask(tensor, torch.ones_like(tensor)).numpy().astype(bool)
    np.testing.assert_array_equal(mask_groups(array, ones(array), 2, 4, 1), wanted)
    with pytest.raises(ValueError, match="the size of dim 0 must be a multiple of 3: 4 of"):
        mask_groups(array, ones(array), 1, 3, 0)


def test_weights_that_at_least_stay():
    small, large = values((4, 4)) / 1000, values((4, 4), 1)
    masks = mask_smallest([small, large], [ones(small), ones(large)], 20, [5, 0])
    assert [int(mask.sum()) for mask in masks] == [5, 7]
    kept = np.sort(np.abs(small)[masks[0]])
    np.testing.assert_array_equal(kept, np.sort(np.abs(small).reshape(-1))[-5:])

"""Denormal weights are found by their bits, whatever the processor takes them for."""

import numpy as np
import pytest
import torch
from torch import nn

from prunepack.stages.models.denormals import (
    count_denormals,
    find_denormals,
    find_tensor_denormals,
    flush_denormals,
    keep_denormals,
)

VALUES = [0.0, -0.0, 1e-40, -1e-45, 1.17549435e-38, -1.0, np.inf, np.nan]
WORDS = np.array(VALUES, np.float32).view(np.int32)
FOUND = [False, False, True, True, False, False, False, False]


@pytest.fixture(params=[False, True], ids=["denormals computed", "denormals as zeros"])
def mode(request):
    torch.set_flush_denormal(request.param)
    yield
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("mode")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_denormals_are_found_by_their_bits(dtype):
    words, expected = WORDS, list(FOUND)
    if dtype == torch.bfloat16:
        words = (words >> 16).astype(np.int16)
        expected[3] = False  # cut to 16 bits, -1e-45 is -0.0
    tensor = torch.from_numpy(words.copy()).view(dtype)
    assert find_tensor_denormals(tensor).tolist() == expected


@pytest.mark.parametrize("flush", [False, True])
def test_denormals_are_computed_inside_the_block_only(flush):
    tiny = torch.from_numpy(WORDS[2:3].copy()).view(torch.float32)
    torch.set_flush_denormal(flush)
    with keep_denormals():
        inside = (tiny * 2).view(torch.int32)
    outside = (tiny * 2).view(torch.int32)
    torch.set_flush_denormal(False)
    assert inside.item() == 2 * WORDS[2]
    assert bool(outside.item()) is not flush


@pytest.mark.usefixtures("mode")
def test_a_double_is_denormal_below_its_own_smallest_normal():
    words = np.array([0x37A16C262777579C, 0x000012688B70E62B])  # 1e-40, 1e-310
    assert find_denormals(words.view(np.float64)).tolist() == [False, True]


def test_half_precision_and_integers_have_none():
    assert count_denormals(np.array([1e-6], np.float16)) == 0
    assert count_denormals(np.array([1])) == 0
    assert not find_tensor_denormals(torch.tensor([1e-6], dtype=torch.float16)).any()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3)])
def test_the_places_have_the_shape_of_the_array(shape):
    found = find_denormals(np.full(shape, 1e-41, np.float32).T)
    assert found.shape == shape[::-1]
    assert found.all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.0, -0.0, 1e-41, 1.0, np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_scalar_warns_of_nothing(value, dtype):
    with np.errstate(all="ignore"):
        scalar = np.array(value, dtype)
    assert find_denormals(scalar).item() is (value == 1e-41 and dtype is np.float32)


def test_tied_weights_are_flushed_once_and_buffers_too():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[1].weight = model[0].weight
    with torch.no_grad(), keep_denormals():
        model[0].weight.copy_(torch.tensor([[1e-40, 1.0], [-1e-41, 0.5]]))
        model[2].running_mean.fill_(1e-42)
    before = flush_denormals(model)
    assert list(before) == ["0.weight", "2.running_mean"]
    assert model[1].weight.tolist() == [[0.0, 1.0], [0.0, 0.5]]
    assert not np.signbit(model[0].weight.detach().numpy()).any()

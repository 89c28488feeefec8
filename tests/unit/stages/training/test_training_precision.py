"""Training of models in half precision, and bfloat16 arithmetic."""

import torch
from torch import nn

from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.pruning.masks import put_mask
from prunepack.stages.training.precision import compute_in, hold_in_float32, widen


def test_half_precision_is_float32_inside_the_block_only():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).bfloat16()
    put_mask(model[0], "weight", torch.eye(4))
    parameter = model[0].weight_orig
    with collect_remarks() as remarks, hold_in_float32(model):
        assert {t.dtype for t in model.state_dict().values()} == {torch.float32, torch.int64}
        assert model(torch.ones(2, 4, dtype=torch.bfloat16)).dtype == torch.float32
        parameter.data += 2**-12  # lost in bfloat16, one step at a time
    assert remarks == [
        "the weights were trained in float32 and rounded to their own dtype at the end"
    ]
    assert model[0].weight_orig is parameter
    assert parameter.dtype == model[0].weight.dtype == torch.bfloat16
    assert model(torch.ones(2, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_float32_and_float64_stay():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double())
    with collect_remarks() as remarks, hold_in_float32(model):
        assert [p.dtype for p in (model[0].weight, model[1].weight)] == [
            torch.float32,
            torch.float64,
        ]
    assert remarks == []


def test_widen_keeps_other_values():
    half, ids = torch.ones(1).half(), torch.ones(1, dtype=torch.int64)
    wide = widen({"a": (half, ids), "b": None})
    assert wide["a"][0].dtype == torch.float32
    assert wide["a"][1] is ids
    assert wide["b"] is None


def test_arithmetic():
    layer, device = nn.Linear(2, 2), torch.device("cpu")
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        with compute_in(precision, device):
            assert layer(torch.ones(1, 2)).dtype == dtype

"""Names of tensors: prefixes of trainers and wrappers, and all differences in one error."""

import pytest
import torch
from torch import nn

from prunepack.errors import RefusedError
from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.sources.state_fit import check_fit, complete_state, fill_ties
from prunepack.stages.sources.state_keys import fit_names

MODEL = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
OWN = MODEL.state_dict()


def fit(state, own=OWN):
    with collect_remarks() as remarks:
        return fit_names(state, own, "w.pth"), remarks


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "net.", "module._orig_mod.", "a.b.c.d."]
)
def test_a_prefix_is_removed_and_told(prefix):
    found, remarks = fit({f"{prefix}{name}": tensor for name, tensor in OWN.items()})
    assert found.keys() == OWN.keys()
    assert all(found[name] is OWN[name] for name in OWN)
    assert remarks == [f"`w.pth`: prefix `{prefix}` removed"]


def test_tensors_outside_of_the_prefix_are_told():
    state = {f"model.{name}": tensor for name, tensor in OWN.items()}
    found, remarks = fit({"n_averaged": torch.tensor(3), **state, "loss.weight": torch.ones(2)})
    assert found.keys() == OWN.keys()
    assert remarks == ["`w.pth`: prefix `model.` removed; ignored: `n_averaged`, `loss.weight`"]


def test_masks_have_the_prefix_too():
    state = {f"module.{name}": tensor for name, tensor in OWN.items()}
    state["module.0.weight_orig"] = state.pop("module.0.weight")
    state["module.0.weight_mask"] = torch.ones(2, 3)
    found, _ = fit(state)
    assert {"0.weight_orig", "0.weight_mask", "0.bias"} <= found.keys()


def test_a_prefix_of_the_model_is_added():
    own = {f"backbone.{name}": tensor for name, tensor in OWN.items()}
    found, remarks = fit(dict(OWN), own)
    assert found.keys() == own.keys()
    assert remarks == ["`w.pth`: prefix `backbone.` added"]


def test_an_inner_wrapper_is_taken_out_of_names():
    own = {"features.0.weight": torch.ones(1), "head.weight": torch.ones(1)}
    state = {"features.module.0.weight": torch.ones(1), "head.weight": torch.ones(1)}
    found, remarks = fit(state, own)
    assert found.keys() == own.keys()
    assert remarks == ["`w.pth`: `module.` removed from names"]


@pytest.mark.parametrize("name", ["module.weight", "model.weight"])
def test_a_fitting_name_keeps_its_prefix(name):
    assert fit({name: torch.ones(1)}, {name: torch.ones(1)}) == ({name: torch.ones(1)}, [])


def test_two_models_in_one_state_dict():
    state = {f"{who}.{name}": tensor.clone() for who in ("a", "b") for name, tensor in OWN.items()}
    with pytest.raises(RefusedError) as caught:
        fit(state)
    error = caught.value
    assert error.what == "`w.pth` fits the model under several names"
    assert error.expected == "one set of weights"
    assert error.found == "prefix `a.` removed, or prefix `b.` removed"
    assert error.hint == (
        "Save the state dict of the model alone: torch.save(model.state_dict(), path)"
    )


def complete(state, model=MODEL):
    with collect_remarks() as remarks:
        return complete_state(state, model, "w.pth"), remarks


def test_counters_of_batchnorm_may_be_missing():
    state = {name: tensor for name, tensor in OWN.items() if "tracked" not in name}
    found, remarks = complete(state)
    assert found["1.num_batches_tracked"] == 0
    assert remarks == ["`w.pth`: missing: `1.num_batches_tracked`, set to 0"]


def test_what_a_profiler_left_is_ignored():
    extra = {"0.total_ops": torch.zeros(1), "total_params": torch.zeros(1)}
    found, remarks = complete({**OWN, **extra})
    assert found.keys() == OWN.keys()
    assert remarks == ["`w.pth`: ignored: `0.total_ops`, `total_params`"]


def test_a_buffer_that_is_no_longer_saved_is_ignored():
    model = nn.Linear(2, 2)
    model.register_buffer("position_ids", torch.arange(3), persistent=False)
    found, remarks = complete({**model.state_dict(), "position_ids": torch.arange(3)}, model)
    assert found.keys() == {"weight", "bias"}
    assert remarks == ["`w.pth`: ignored: `position_ids`"]


def test_each_cast_is_told_once():
    state = {
        name: tensor.bfloat16() if tensor.is_floating_point() else tensor
        for name, tensor in OWN.items()
    }
    state["0.weight"] = state["0.weight"].double()
    _, remarks = complete(state)
    assert sorted(remarks) == [
        "`w.pth`: bfloat16 weights converted to float32",
        "`w.pth`: float64 weights converted to float32",
    ]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"0.bias": None}, "missing `0.bias`"),
        ({"9.bias": torch.ones(1)}, "unexpected `9.bias`"),
        ({"0.bias": torch.ones(9)}, "`0.bias` is (9,), not (2,)"),
        ({"0.bias": torch.ones(2, dtype=torch.int8)}, "`0.bias` is int8, not float32"),
        ({"0.bias": torch.ones(2, dtype=torch.complex64)}, "`0.bias` is complex64, not float32"),
        ({"0.bias": torch.ones(2).to_sparse()}, "`0.bias` is sparse, not dense"),
        ({"0.bias": torch.ones(2, device="meta")}, "`0.bias` is without data, not dense"),
        (
            {"0.bias": torch.quantize_per_tensor(torch.ones(2), 1.0, 0, torch.qint8)},
            "`0.bias` is quantised, not dense",
        ),
        ({"0.bias": "text"}, "`0.bias` is a str, not a tensor"),
        (
            {"0.weight": None, "0.bias": None, "b": torch.ones(1), "a": torch.ones(1)},
            "missing `0.bias`, `0.weight`; unexpected `a`, `b`",
        ),
        (
            {"1.weight": None, "1.gamma": torch.ones(2)},
            "missing `1.weight`; unexpected `1.gamma` (nearest: `1.weight`)",
        ),
    ],
)
def test_tensors_that_do_not_fit(changes, found):
    changed = {k: v for k, v in {**OWN, **changes}.items() if v is not None}
    with pytest.raises(RefusedError) as caught:
        check_fit(OWN, changed, "w.pth")
    error = caught.value
    assert error.what == "`w.pth` does not fit the model"
    assert error.expected == "the 9 tensors of its state dict"
    assert error.found == found
    assert error.hint == "Correct the factory or its load.arguments, or rename the keys of the file"


def test_many_differences_are_all_listed():
    own = {f"layer{index}.weight": torch.ones(1) for index in range(50)}
    with pytest.raises(RefusedError) as caught:
        check_fit(own, {}, "w.pth")
    assert caught.value.found.count("`layer") == 50


def test_either_name_of_tied_weights_is_enough():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    own = model.state_dict()
    state = {name: tensor for name, tensor in own.items() if name != "0.weight"}
    assert fill_ties(own, state, {}).keys() == own.keys()

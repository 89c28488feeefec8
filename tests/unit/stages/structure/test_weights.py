"""Weights of a checkpoint are found in any form, and changed or missing ones are named."""

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from prunepack.stages.structure.batch_norm import find_changed_values, list_factors
from prunepack.stages.structure.matrices import ConstantIndex
from prunepack.stages.structure.weights import account_weights, count_changed, count_unaccounted


@pytest.fixture
def weight():
    array = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
    array[array < -1] = 0
    array[5] = 0
    return array


def test_what_is_equal_is_unchanged(weight):
    weight[0, 0, 0] = np.nan
    assert not find_changed_values(weight, weight.copy()).any()


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_factors_of_a_batch_norm_are_no_change(axis, dtype, weight):
    weight = weight.astype(dtype)
    shape = [1, 1, 1]
    shape[axis] = weight.shape[axis]
    factors = np.linspace(-0.1, 3, weight.shape[axis]).astype(dtype)
    exported = weight * factors.reshape(shape)
    assert not find_changed_values(weight, exported, [np.ones(9), factors]).any()
    assert find_changed_values(weight, exported).any()


@pytest.mark.parametrize("factor", [0.0, 0.37, 2.0])
def test_any_other_factor_is_a_change(factor, weight):
    exported = weight.copy()
    exported[2] *= np.float32(factor)
    changed = find_changed_values(weight, exported, [np.ones(6), np.full(6, factor)])
    assert changed.sum() == np.count_nonzero(weight[2])
    assert changed[2].any()


@pytest.mark.parametrize("factor", [1, 0.37])
def test_one_nudged_weight_is_the_one_that_is_named(factor, weight):
    exported = weight * np.float32(factor)
    exported[2, 1, 0] += 1e-3
    changed = find_changed_values(weight, exported, [np.full(6, np.float32(factor))])
    assert np.argwhere(changed).tolist() == [[2, 1, 0]]


@pytest.mark.parametrize("factor", [1, 0.37])
def test_a_revived_weight_is_the_one_that_is_named(factor, weight):
    exported = weight * np.float32(factor)
    place = np.argwhere(weight == 0)[0].tolist()
    exported[tuple(place)] = 1e-9
    changed = find_changed_values(weight, exported, [np.full(6, np.float32(factor))])
    assert np.argwhere(changed).tolist() == [place]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_changed(value, weight):
    exported = weight.copy()
    exported[0, 0, 0] = value
    assert find_changed_values(weight, exported)[0, 0, 0]


def test_a_layer_of_zeros_that_is_not(weight):
    zeros = np.zeros_like(weight)
    assert find_changed_values(zeros, weight).sum() == np.count_nonzero(weight)


def test_the_factors_of_each_batch_norm():
    first, second = nn.BatchNorm1d(3, eps=0.5), nn.BatchNorm2d(2, affine=False)
    first.running_var.copy_(torch.tensor([0.5, 3.5, 0.75]))
    first.weight.data.fill_(2)
    factors = list_factors(
        nn.Sequential(first, second, nn.BatchNorm1d(4, track_running_stats=False))
    )
    assert [one.tolist() for one in factors] == [
        [2, 1, pytest.approx(2 / 1.25**0.5)],
        pytest.approx([1 / (1 + 1e-5) ** 0.5] * 2),
    ]


FORMS = {
    "as it is": lambda weight: [weight],
    "flat": lambda weight: [weight.reshape(-1)],
    "with axes in another order": lambda weight: [weight.transpose(2, 0, 1)],
    "one axis more": lambda weight: [weight[None]],
    "in double precision": lambda weight: [weight.astype(np.float64)],
    "rounded to half": lambda weight: [weight.astype(np.float16)],
    "split": lambda weight: [weight[:2], weight[2:]],
    "reordered by gates": lambda weight: [weight[[0, 1, 4, 5, 2, 3]]],
    "behind another": lambda weight: [np.concatenate([weight + 1, weight])],
    "split and transposed": lambda weight: [
        weight[:3].reshape(3, -1).T,
        weight[3:].reshape(3, -1).T,
    ],
}
OTHERS = {
    "nothing": lambda _: [],
    "a row zeroed": lambda weight: [np.where(np.arange(6)[:, None, None] == 1, 0, weight)],
    "one element nudged": lambda weight: [
        weight + np.float32(1e-6) * (np.indices(weight.shape) == 1).all(0)
    ],
    "another order within rows": lambda weight: [weight[:, ::-1]],
    "as integers": lambda weight: [weight.view(np.int32)],
    "half of it": lambda weight: [weight[:3]],
    "another": lambda weight: [weight + 1],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_weight_is_found(form, weight):
    weight[5] = 1.5
    assert ConstantIndex([np.ones((6, 12), np.float32), *FORMS[form](weight)]).has(weight)


@pytest.mark.parametrize("form", OTHERS)
def test_another_array_is_not_the_weight(form, weight):
    constants = [one.astype(one.dtype) for one in OTHERS[form](weight)]
    constants = [np.float32(one) if one.dtype == np.float64 else one for one in constants]
    assert not ConstantIndex(constants).has(weight)


@pytest.fixture
def exported(tmp_path):
    """Writes an ONNX file with these initializers."""

    def exported(**arrays):
        held = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
        graph = helper.make_graph([], "model", [], [helper.make_empty_tensor_value_info("y")], held)
        onnx.save(helper.make_model(graph), tmp_path / "model.onnx")
        return tmp_path / "model.onnx"

    return exported


def values(account, excused=()):
    metrics = count_changed(account, excused) | count_unaccounted(account, excused)
    return {name.rpartition(".")[2]: (one.value, one.note) for name, one in metrics.items()}


def test_weights_are_found_by_content_and_changed_ones_by_name(exported):
    module = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3), nn.Embedding(4, 5), nn.Linear(5, 5))
    state = {name: one.numpy() for name, one in module.state_dict().items()}
    other = state["1.weight"].T.copy()
    other[0, 1] = 9
    model = exported(
        val_1=state["0.weight"].T,
        **{"1.weight.T": other, "0.bias": state["0.bias"] + 1},
        **{"2.weight": state["2.weight"].astype(np.float16), "3.weight": np.ones((5, 5), "f")},
    )
    wrong = f"1.weight.T[0, 1]: {state['1.weight'][1, 0]:.9g} and 9"
    account = account_weights(model, module)
    assert values(account) == {
        "compared": (3, ""),
        "changed_values": (1, wrong),
        "unaccounted": (1, "3.weight"),
    }
    assert values(account, account.doubtful) == {
        "compared": (3, ""),
        "changed_values": (0, ""),
        "unaccounted": (0, ""),
    }


def test_a_changed_weight_of_another_name(exported):
    table = nn.Embedding(40, 6)
    other = table.weight.detach().numpy().copy()
    other[12:] = 0
    account = account_weights(exported(onnx__1=other, onnx__2=other + 7), table)
    assert account.changed.keys() == {"weight"}
    assert account.changed["weight"][0] == 28 * 6
    assert account.changed["weight"][1].startswith("onnx__1[12, 0]: ")


def test_a_folded_batch_norm_of_another_name(exported):
    module = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3)).eval()
    nn.init.uniform_(module[1].weight, 0.5, 2)
    factor = list_factors(module)[0].astype("f").reshape(4, 1, 1, 1)
    first, last = (module[index].weight.detach().numpy() for index in (0, 2))
    assert account_weights(exported(a=first * factor, b=last), module).doubtful == ()
    wrong = account_weights(exported(a=first * factor[::-1], b=last), module)
    assert wrong.doubtful == ("0.weight",)


def test_a_file_without_weights(exported):
    tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    account = account_weights(exported(), tied)
    assert values(account)["unaccounted"] == (1, "0.weight")

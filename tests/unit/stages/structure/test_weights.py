"""Weights that are not the checkpoint's, whether or not an output shows it."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from torch import nn

from prunepack.stages.contract.outputs import OnnxModel
from prunepack.stages.structure.weights import compare_weights, find_changed_values


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
def test_one_factor_for_each_channel_is_no_change(axis, dtype, weight):
    weight = weight.astype(dtype)
    shape = [1, 1, 1]
    shape[axis] = weight.shape[axis]
    factors = np.linspace(-0.1, 3, weight.shape[axis]).astype(dtype).reshape(shape)
    assert not find_changed_values(weight, weight * factors).any()


@pytest.mark.parametrize("factor", [1, 0.37])
def test_one_nudged_weight_is_the_one_that_is_named(factor, weight):
    exported = weight * np.float32(factor)
    exported[2, 1, 0] += 1e-3
    assert np.argwhere(find_changed_values(weight, exported)).tolist() == [[2, 1, 0]]


@pytest.mark.parametrize("factor", [1, 0.37])
def test_a_revived_weight_is_the_one_that_is_named(factor, weight):
    exported = weight * np.float32(factor)
    place = np.argwhere(weight == 0)[0].tolist()
    exported[tuple(place)] = 1e-9
    assert np.argwhere(find_changed_values(weight, exported)).tolist() == [place]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_changed(value, weight):
    exported = weight.copy()
    exported[0, 0, 0] = value
    assert find_changed_values(weight, exported)[0, 0, 0]


def test_a_layer_of_zeros_that_is_not(weight):
    zeros = np.zeros_like(weight)
    assert find_changed_values(zeros, weight).sum() == np.count_nonzero(weight)


def test_a_huge_factor_is_no_warning(weight):
    exported = weight.copy()
    weight[0, 0, 0] = np.float32(1e-38)
    exported[0, 0, 0] = np.float32(3e38)
    with np.errstate(all="raise", under="ignore"):
        assert find_changed_values(weight, exported).sum() == 1


@pytest.fixture
def exported(tmp_path):
    """Writes an ONNX file with these initializers."""

    def exported(**arrays):
        held = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
        graph = helper.make_graph([], "model", [], [], held)
        onnx.save(helper.make_model(graph), tmp_path / "model.onnx")
        return OnnxModel(tmp_path, "")

    return exported


def values(metrics):
    return {name.rpartition(".")[2]: (one.value, one.note) for name, one in metrics.items()}


def test_weights_are_found_by_name_and_by_that_of_a_transposed_one(exported):
    module = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3), nn.Embedding(4, 5))
    state = {name: one.numpy() for name, one in module.state_dict().items()}
    other = state["1.weight"].T.copy()
    other[0, 1] = 9
    model = exported(
        **{"0.weight": state["0.weight"], "1.weight.T": other, "0.bias": state["0.bias"] + 1},
        **{"val_3": other, "2.weight": state["2.weight"].astype(np.float16)},
    )
    wrong = f"1.weight.T[0, 1]: {state['1.weight'][1, 0]:.9g} and 9"
    assert values(compare_weights(model, module)) == {
        "compared": (2, ""),
        "changed_values": (1, wrong),
    }


def test_a_file_without_weights_of_that_name(exported):
    assert values(compare_weights(exported(), nn.Linear(2, 2))) == {
        "compared": (0, ""),
        "changed_values": (0, ""),
    }

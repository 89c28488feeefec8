"""Every dynamic axis at small, odd and large sizes, and all of them at once."""

from types import SimpleNamespace

import numpy as np
import pytest

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.inputs.axes import DynamicAxis, find_dynamic_axes, resize_axes
from prunepack.stages.inputs.usual import UsualInputs


def session(*shapes):
    """Only the names and shapes of inputs, which is all that the tests need of a session."""
    inputs = [SimpleNamespace(name=name, shape=shape) for name, shape in shapes]
    return SimpleNamespace(get_inputs=lambda: inputs)


def test_dynamic_axes(inputs):
    shapes = ("x", ["batch", 3, "length"]), ("ids", ["batch", "length"]), ("on", ["batch"])
    axis = DynamicAxis("length", (("x", 2), ("ids", 1)), 16)
    assert find_dynamic_axes(session(*shapes), inputs) == [axis]


def test_axes_without_a_name_and_axes_that_are_closed(inputs):
    shapes = ("x", [1, None, 16]), ("ids", [None, 16]), ("on", [])
    assert find_dynamic_axes(session(*shapes), inputs) == [DynamicAxis("x[1]", (("x", 1),), 3)]


def test_an_axis_has_the_same_size_in_all_inputs(usual):
    batches = list(resize_axes(usual, [DynamicAxis("length", (("x", 2), ("ids", 1)), 16)]))
    sizes = [1, 3, 8, 15, 17, 32, 33, 65, 129, 257]
    assert [batch.name for batch in batches] == [f"length of {size}" for size in sizes]
    assert {batch.purpose for batch in batches} == {"length of"}
    assert [batch.axis for batch in batches] == ["", *["length"] * 9]
    shapes = {name: array.shape for name, array in batches[2].arrays.items()}
    assert shapes == {"x": (2, 3, 8), "ids": (2, 8), "on": (2,)}


@pytest.mark.parametrize(("size", "others"), [(1, [2, 3]), (2, [1, 3, 4]), (3, [1, 2, 4, 6])])
def test_a_small_axis_has_other_sizes_too(only, size, others):
    axis = DynamicAxis("n", (("x", 1),), size)
    batches = [batch.arrays["x"].shape for batch in resize_axes(only(shape=(size,)), [axis])]
    assert batches[: len(others)] == [(2, other) for other in others]


def test_flags_are_two_at_least():
    inputs = (
        InputSpec(name="x", shape=(4,)),
        InputSpec(name="hidden", shape=("tokens",), dtype="bool"),
    )
    axes = [DynamicAxis("width", (("x", 1),), 4), DynamicAxis("tokens", (("hidden", 1),), 8)]
    names = [batch.name for batch in resize_axes(UsualInputs(inputs, 0, {}), axes)]
    assert "width of 1" in names
    assert "tokens of 1" not in names


@pytest.mark.parametrize(("size", "largest"), [(64, 129), (1000, 2000), (40000, 80000)])
def test_sizes_beyond_twice_the_usual_one_stay_small(only, size, largest):
    usual = only(shape=(200, size))
    batches = list(resize_axes(usual, [DynamicAxis("n", (("x", 2),), size)]))
    assert max(batch.arrays["x"].shape[2] for batch in batches) == largest


def test_two_axes_at_once_differ_from_each_other_and_from_the_usual_size(only):
    axes = [DynamicAxis("height", (("x", 1),), 20), DynamicAxis("width", (("x", 2),), 20)]
    batches = [batch for batch in resize_axes(only(shape=(20, 20)), axes) if "," in batch.name]
    assert [batch.arrays["x"].shape[1:] for batch in batches] == [
        (19, 21),
        (21, 10),
        (10, 40),
        (40, 19),
    ]
    assert batches[0].name == "height of 19, width of 21"


def test_the_axes_of_samples_in_a_file_are_not_changed(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((3, 4), np.float32))
    inputs = (InputSpec(name="x", shape=("n",), file=tmp_path / "x.npy", example=(4,)),)
    axis = DynamicAxis("n", (("x", 1),), 4)
    assert list(resize_axes(UsualInputs(inputs, 0, {}), [axis])) == []

"""Units of outputs, in which the outputs of stress inputs are compared."""

import numpy as np
import pytest

from prunepack.stages.comparison.units import divide_by_units, find_units, has_large_errors


def test_outputs_of_large_inputs_are_compared_in_larger_units():
    outputs = {"y": np.array([3.0, -5000.0]), "small": np.array([0.5]), "n": np.array([4])}
    units = find_units(outputs | {"zero": np.zeros(2)}, 1024)
    assert units == {"y": 8192, "small": 1024, "zero": 1024}
    found = divide_by_units(outputs, units)
    assert found["y"].tolist() == [3 / 8192, -5000 / 8192]
    assert found["n"].tolist() == [4]
    assert set(find_units(outputs, 1).values()) == {1}


@pytest.mark.parametrize(
    ("scale", "error", "unit"),
    [
        (1024, 0.0, 1),  # nothing was rounded
        (1024, 2.0**-21, 1),
        (1024, 2.0**-12, 64),
        (4, 1.0, 2.0**18),  # torch itself is wrong by 1
        (1, 2.0**-12, 64),
        (1, 0.0, 1),
        (1024, np.nan, 1024),
    ],
)
def test_a_unit_grows_with_the_measured_rounding_error(scale, error, unit):
    y = np.array([0.5, 1.0], np.float32)
    precise = {"y": y.astype(np.float64) + np.array([0.0, error])}
    assert find_units({"y": y}, scale, precise) == {"y": unit}


def test_only_float32_is_measured_against_float64():
    y = np.array([0.5], np.float16)
    assert find_units({"y": y}, 256, {"y": y.astype(np.float64)}) == {"y": 256}
    assert find_units({"y": np.array([np.inf])}, 256) == {}


@pytest.mark.parametrize(
    ("actual", "scale", "is_large"),
    [
        (np.float32([1, 100]), 1, False),
        (np.float32([1, 100 + 2.0**-13]), 1, True),
        (np.float32([1, 100 + 2.0**-13]), 16, False),  # in proportion to the largest value
        (np.float32([1, 100.01]), 16, True),
        (np.float32([1, np.nan]), 1, True),
        (np.float32([1]), 1, False),  # the comparison tells another shape
        (np.array([1, 200.0]), 1, False),  # and another dtype
    ],
)
def test_rounding_errors_are_measured_where_forms_differ(actual, scale, is_large):
    assert has_large_errors({"y": np.float32([1, 100])}, {"y": actual}, scale) == is_large

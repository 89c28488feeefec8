"""Units of outputs, in which the outputs of large inputs are compared."""

import numpy as np

from prunepack.stages.comparison.units import divide_by_units, find_units


def test_outputs_of_large_inputs_are_compared_in_larger_units():
    outputs = {"y": np.array([3.0, -5000.0]), "small": np.array([0.5]), "n": np.array([4])}
    units = find_units(outputs | {"zero": np.zeros(2)}, 1024)
    assert units == {"y": 8192, "small": 1024}
    found = divide_by_units(outputs, units)
    assert found["y"].tolist() == [3 / 8192, -5000 / 8192]
    assert found["n"].tolist() == [4]
    assert find_units(outputs, 1) == {}

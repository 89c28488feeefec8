"""Usual inputs of three kinds: floats, indices of a table, and a Boolean per sample."""

import pytest

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.inputs.usual import UsualInputs


@pytest.fixture
def inputs():
    return (
        InputSpec(name="x", shape=(3, 16)),
        InputSpec(name="ids", shape=(16,), dtype="int64"),
        InputSpec(name="on", shape=(), dtype="bool"),
    )


@pytest.fixture
def usual(inputs):
    return UsualInputs(inputs, 0, {"ids": 9})


@pytest.fixture
def only():
    """Usual inputs of one input."""
    return lambda **spec: UsualInputs((InputSpec(name="x", **spec),), 0, {})

"""Batches of many sizes, and of those that are timed."""

import pytest

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.inputs.batch_sizes import resize_batches
from prunepack.stages.inputs.usual import UsualInputs


@pytest.mark.parametrize(
    ("most", "timed", "sizes"),
    [
        (500, (), [3, 7, 16, 32, 100]),
        (8, (), [3, 7]),
        (1, (), []),
        (8, (1, 64), [1, 3, 7, 64]),
        (500, (7, 32, 48), [3, 7, 16, 32, 48, 100]),
    ],
)
def test_sizes_within_memory_and_those_that_are_timed(usual, most, timed, sizes):
    batches = list(resize_batches(usual, most, timed))
    assert [batch.count for batch in batches] == sizes
    assert [batch.arrays["x"].shape for batch in batches] == [(size, 3, 16) for size in sizes]
    assert [batch.name for batch in batches] == [f"batch of {size}" for size in sizes]


def test_a_model_without_a_batch_axis_has_no_batches():
    inputs = (InputSpec(name="x", shape=(4,), batch_axis="none"),)
    assert list(resize_batches(UsualInputs(inputs, 0, {}), 500, (1, 32))) == []

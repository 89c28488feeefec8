"""Input batches: random ones of several sizes, and samples in parts."""

import numpy as np
import pytest

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.layout import Layout
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.data.splits import Split
from prunepack.stages.data.user_samples import SampleSource
from prunepack.stages.inputs.batches import random_batches, sample_batches

INPUTS = (
    InputSpec(name="x", shape=(3, 16)),
    InputSpec(name="ids", shape=(16,), dtype="int64"),
    InputSpec(name="on", shape=(), dtype="bool"),
)


@pytest.mark.parametrize(("count", "sizes"), [(3, [1, 2]), (4, [1, 2, 1]), (64, [1, 2, 61])])
def test_random_batches_are_random_inputs_of_one_two_and_more(count, sizes):
    batches = list(random_batches(INPUTS, count, 5, {"ids": 9}))
    assert [batch.count for batch in batches] == sizes
    assert [batch.first for batch in batches] == [0, 1, 3][: len(sizes)]
    for name, array in random_inputs(INPUTS, count, 5, {"ids": 9}).items():
        np.testing.assert_array_equal(np.concatenate([b.arrays[name] for b in batches]), array)


@pytest.mark.parametrize(("count", "size"), [(3, 2), (4, 2), (5, 2), (64, 61)])
def test_the_largest_random_batch_calibrates(count, size):
    batches = random_batches(INPUTS, count, 0, {})
    assert [batch.count for batch in batches if batch.calibrates] == [size]


def named(name):
    return Layout(name=name)


def test_samples_keep_their_place_their_source_and_their_labels():
    own = SampleSource("some/x.npz", Split(np.arange(5), np.arange(5) + 10, named("x.npz")), True)
    other = SampleSource("digits", Split(np.arange(2), None, named("digits")), False)
    batches = list(sample_batches([own, other], 2))
    assert [(b.name, b.source) for b in batches] == [("x.npz", "x.npz")] * 3 + [
        ("digits", "digits")
    ]
    assert [(b.first, b.count, b.calibrates) for b in batches] == [
        (0, 2, True),
        (2, 2, False),
        (4, 1, False),
        (0, 2, True),
    ]
    assert [batch.arrays["input"].tolist() for batch in batches] == [[0, 1], [2, 3], [4], [0, 1]]
    assert batches[1].labels.tolist() == [12, 13]
    assert batches[3].labels is None


def test_large_samples_make_more_batches():
    batches = list(random_batches(INPUTS, 10, 0, {}, 3))
    assert [(batch.first, batch.count) for batch in batches] == [
        (0, 1),
        (1, 2),
        (3, 3),
        (6, 3),
        (9, 1),
    ]
    assert [batch.first for batch in batches if batch.calibrates] == [3]

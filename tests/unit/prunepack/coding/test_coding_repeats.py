"""Repetition of wide numbers: which arrays a slow compressor is worth trying on."""

import numpy as np
import pytest

from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.repeats import is_repetitive

F4 = np.dtype("<f4")


def draw(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(F4)


def judge(array):
    return is_repetitive(array, len(COMPRESSORS["pcodec"].encode(array)))


def repetitive_arrays():
    basis = np.cos(2 * np.pi * np.outer(np.arange(100), np.arange(256)) / 256) * np.hanning(256)
    rows = draw(100, 200)
    return {
        "magnitudes of a Fourier basis": np.abs(basis).astype(F4),
        "a table that is stored twice": np.concatenate([rows, rows]),
        "mirrored rows": np.concatenate([rows, rows[:, ::-1]]),
        "repeated rows, nine of ten elements pruned": np.tile(rows * (np.abs(rows) > 1.64), (2, 1)),
        "64-bit numbers": np.tile(draw(5000).astype("<f8"), 2),
    }


def other_arrays():
    return {
        "weights": draw(50_000),
        "numbers of 17 bits that repeat by chance": np.round(draw(50_000), 4),
        "a palette": np.random.default_rng(0).choice(draw(200), 50_000),
        "zeros": np.zeros(1000, F4),
        "bytes": np.tile(np.arange(100, dtype="i1"), 100),
    }


@pytest.mark.parametrize("name", repetitive_arrays())
def test_repetition_at_a_distance_is_found(name):
    assert judge(repetitive_arrays()[name].ravel())


@pytest.mark.parametrize("name", other_arrays())
def test_other_arrays_are_left_to_entropy_coders(name):
    assert not judge(other_arrays()[name])

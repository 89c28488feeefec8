"""Tensors that share a pool, and copies."""

import numpy as np
import pytest

from prunepack.coding.dtypes import DTYPES
from prunepack.format.header import Copy
from prunepack.io.regular_file import RegularFile
from prunepack.model_files.discovery import Source
from prunepack.model_files.spans import TensorSpan
from prunepack.writing.pools import MAX_SHARED_ITEMS, make_pools, rechunk


@pytest.fixture
def source(tmp_path):
    def make(name, **arrays):
        return _source(tmp_path / name, arrays)

    return make


def _source(path, arrays):
    path.write_bytes(b"".join(array.tobytes() for array in arrays.values()))
    file, spans, at = RegularFile(str(path)), [], 0
    for key, array in arrays.items():
        dtype = DTYPES[array.dtype.name]
        spans.append(TensorSpan(file, at, at + array.nbytes, key, dtype, array.shape))
        at += array.nbytes
    return Source(path.name, file, tuple(spans))


def sparse(size, seed, dtype="<f4", share=0.9):
    array = np.random.default_rng(seed).integers(1, 100, size).astype(dtype)
    array[: int(size * share)] = 0
    return array


def names(pools):
    return [[span.name for span in pool] for pool in pools]


def test_small_tensors_of_a_type_share_a_pool_if_they_are_alike(source):
    pools, copies = make_pools(
        [
            source(
                "m",
                weight=sparse(8000, 0),
                bias=sparse(8000, 1, share=0),
                index=sparse(80, 2, "<i8"),
                weight2=sparse(8000, 3),
                bias2=sparse(8000, 4, share=0),
                big=sparse(MAX_SHARED_ITEMS + 1, 5),
                big2=sparse(MAX_SHARED_ITEMS + 1, 6),
                most=sparse(MAX_SHARED_ITEMS, 7),
            ),
            source("n", weight3=sparse(80, 8)),
        ]
    )
    assert names(pools) == [
        ["weight", "weight2", "most", "weight3"],
        ["bias", "bias2"],
        ["index"],
        ["big"],
        ["big2"],
    ]
    assert copies == []


def test_tensors_with_the_same_bytes_are_stored_once(source):
    tied = sparse(50, 0)
    first = source("m", a=tied, b=tied.reshape(5, 10), other=sparse(50, 1))
    again = source("n", c=tied, ints=tied.view("<i4"))
    twin = (("c", TensorSpan(again.file, 0, 200, "twin", DTYPES["float32"], (50,))),)
    pools, copies = make_pools([first, Source("n", again.file, again.spans, twin)])
    assert names(pools) == [["a", "other"], ["ints"]]
    assert copies == [Copy("b", "a", (5, 10)), Copy("c", "a", (50,)), Copy("twin", "a", (50,))]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9, 10, 11, 100])
def test_cutting_keeps_order_and_length(size):
    arrays = [np.arange(0, 4), np.arange(4, 4), np.arange(4, 5), np.arange(5, 10)]
    runs = list(rechunk(arrays, size))
    assert np.concatenate(runs).tolist() == list(range(10))
    assert [run.size for run in runs[:-1]] == [size] * (len(runs) - 1)
    assert 0 < runs[-1].size <= size


def test_cutting_nothing():
    assert list(rechunk([], 5)) == []
    assert list(rechunk([np.arange(0)], 5)) == []


def test_runs_are_aligned_and_own_their_memory():
    data = memoryview(b"x" + np.arange(9, dtype="<f8").tobytes())
    array = np.frombuffer(data[1:], "<f8")
    for run in rechunk([array], 4):
        assert run.flags.aligned
        assert run.flags.owndata

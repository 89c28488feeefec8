"""Who shares a stream with whom."""

import numpy as np
import pytest

from prunepack.coding.dtypes import DTYPES
from prunepack.format.header import Copy
from prunepack.io.regular_file import RegularFile
from prunepack.model_files.discovery import Source, Span
from prunepack.writing.pools import SMALL, cut, make_pools


@pytest.fixture
def source(tmp_path):
    def make(name, **arrays):
        return _source(tmp_path / name, arrays)

    return make


def _source(path, arrays):
    spans, data, at = [], b"", 0
    for key, array in arrays.items():
        dtype = DTYPES[array.dtype.name]
        spans.append(Span(at, at + array.nbytes, key, dtype, array.shape))
        data += array.tobytes()
        at += array.nbytes
    path.write_bytes(data)
    return Source(path.name, RegularFile(str(path)), tuple(spans))


def sparse(size, seed, dtype="<f4", share=0.9):
    array = np.random.default_rng(seed).integers(1, 100, size).astype(dtype)
    array[: int(size * share)] = 0
    return array


def names(pools):
    return [[member.span.name for member in pool] for pool in pools]


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
                big=sparse(SMALL + 1, 5),
                big2=sparse(SMALL + 1, 6),
                most=sparse(SMALL, 7),
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
    twin = (("c", Span(0, 200, "twin", DTYPES["float32"], (50,))),)
    pools, copies = make_pools([first, Source("n", again.file, again.spans, twin)])
    assert names(pools) == [["a", "other"], ["ints"]]
    assert copies == [Copy("b", "a", (5, 10)), Copy("c", "a", (50,)), Copy("twin", "a", (50,))]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9, 10, 11, 100])
def test_cutting_keeps_order_and_length(size):
    arrays = [np.arange(0, 4), np.arange(4, 4), np.arange(4, 5), np.arange(5, 10)]
    runs = list(cut(arrays, size))
    assert np.concatenate(runs).tolist() == list(range(10))
    assert [run.size for run in runs[:-1]] == [size] * (len(runs) - 1)
    assert 0 < runs[-1].size <= size


def test_cutting_nothing():
    assert list(cut([], 5)) == []
    assert list(cut([np.arange(0)], 5)) == []


def test_runs_are_aligned_and_own_their_memory():
    data = memoryview(b"x" + np.arange(9, dtype="<f8").tobytes())
    array = np.frombuffer(data[1:], "<f8")
    for run in cut([array], 4):
        assert run.flags.aligned
        assert run.flags.owndata

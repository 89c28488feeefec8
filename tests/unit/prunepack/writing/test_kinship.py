"""Large tensors that share numbers share a pool."""

import numpy as np
from test_pools import _source

from prunepack.writing.kinship import group_kin

RNG = np.random.default_rng(0)


def groups(tmp_path, max_items=2**20, **arrays):
    spans = _source(tmp_path / "m", arrays).spans
    return [[span.name for span in group] for group in group_kin(spans, max_items)]


def words(size, seed, share=0.0):
    """Return numbers, a fraction of them from one set."""
    rng = np.random.default_rng(seed)
    common = np.random.default_rng(99).normal(size=size).astype("<f4")
    own = rng.normal(size=size).astype("<f4")
    return rng.permutation(np.where(np.arange(size) < share * size, common, own))


def test_those_with_common_numbers(tmp_path):
    arrays = {
        name: words(70_000, seed, share)
        for seed, (name, share) in enumerate({"a": 0.6, "b": 0, "c": 0.6, "d": 0.1, "e": 1}.items())
    }
    assert groups(tmp_path, **arrays) == [["a", "c", "e"], ["b"], ["d"]]


def test_a_group_is_at_most_one_chunk(tmp_path):
    arrays = {name: words(70_000, seed, 1) for seed, name in enumerate("abc")}
    assert groups(tmp_path, 150_000, **arrays) == [["a", "b"], ["c"]]
    assert groups(tmp_path, 50_000, **arrays) == [["a"], ["b"], ["c"]]


def test_few_or_narrow_numbers_do_not_count(tmp_path):
    book = RNG.normal(size=50).astype("<f4")
    few = {name: book[RNG.integers(0, 50, 70_000)] for name in "ab"}
    assert groups(tmp_path, **few) == [["a"], ["b"]]
    narrow = {name: RNG.normal(size=70_000).astype("<f2") for name in "ab"}
    assert groups(tmp_path, **narrow) == [["a"], ["b"]]


def test_nothing(tmp_path):
    assert groups(tmp_path) == []

"""Tensors that are alike share a pool."""

import time

import numpy as np
import pytest
from test_pools import _source

from prunepack.writing.pool_grouping import (
    LEADING,
    MAX_GROUPS,
    POOL_BYTES,
    Group,
    group_small,
    merge_groups,
)

RNG = np.random.default_rng(0)


def normal(size, scale=1.0, zeros=0.0, dtype="<f4"):
    items = RNG.normal(scale=scale, size=size)
    return np.where(RNG.random(size) < zeros, 0, items).astype(dtype)


def names(**tensors):
    groups = merge_groups([Group.from_items(name, items) for name, items in tensors.items()])
    return sorted(sorted(group.members) for group in groups)


def test_what_is_known_of_one_tensor():
    group = Group.from_items("a", np.array([0, 0, 1.0, -1.0, 2.0, 0.0, 0, 0], "<f4"))
    assert (group.members, group.zeros) == (("a",), 5)
    assert group.leading.size == 2**LEADING
    assert group.leading.sum() == 3
    assert group.density == 3 / 8
    empty = Group.from_items("b", np.zeros(4, "<i8"))
    assert (empty.density, empty.magnitude, empty.cost) == (0, 0, POOL_BYTES * 8 << 16)


def test_the_cost_is_an_entropy_worked_out_by_hand():
    """Half zeros, the others one of two patterns: two bits for each other item, and one for all."""
    group = Group.from_items("a", np.array([0, 0, 0, 0, 1, 1, 2, 2], "<u1"))
    assert group.cost == (POOL_BYTES * 8 + 8 + 4) << 16


@pytest.mark.parametrize("dtype", ["<f4", "<f2", "<f8"])
def test_other_magnitudes_and_other_shares_of_zeros_are_kept_apart(dtype):
    assert names(
        a=normal(9000, 1, 0.9, dtype),
        b=normal(9000, 1e-3, 0.9, dtype),
        c=normal(9000, 1, 0.1, dtype),
        d=normal(9000, 1, 0.9, dtype),
        e=normal(9000, 1e-3, 0.9, dtype),
        f=normal(9000, 1, 0.1, dtype),
    ) == [["a", "d"], ["b", "e"], ["c", "f"]]


def test_what_is_too_small_to_pay_for_a_pool_is_put_where_it_fits_best():
    tensors = {"large": normal(20_000), "tiny": normal(20, 10), "zero": np.zeros(20, "<f4")}
    assert names(**tensors) == [["large", "tiny", "zero"]]


def test_groups_add_up():
    a, b = (
        Group.from_items("a", normal(50, zeros=0.5)),
        Group.from_items("b", normal(70, zeros=0.2)),
    )
    both = Group.from_items("c", np.concatenate([normal(0)]))
    assert (a + b).members == ("a", "b")
    assert (a + b + both).zeros == a.zeros + b.zeros
    assert np.array_equal((a + b).leading, a.leading + b.leading)


def test_no_groups():
    assert merge_groups([]) == []


def test_many_tensors_take_no_quadratic_time(tmp_path):
    count = 20_000
    arrays = {f"w{i}": normal(20, 10.0 ** (i % 12)) for i in range(count)}
    spans = _source(tmp_path / "m", arrays).spans
    started = time.process_time()
    groups = group_small(spans)
    assert time.process_time() - started < 10
    assert sorted(span.name for group in groups for span in group) == sorted(arrays)
    assert 6 <= len(groups) <= 60
    for group in groups:
        scales = {int(span.name[1:]) % 12 for span in group}
        assert len(scales) <= 4
        assert [span.start for span in group] == sorted(span.start for span in group)


def test_up_to_a_number_of_tensors_each_is_its_own_group(tmp_path):
    arrays = {f"w{i}": normal(20, 10.0 ** (i % 3)) for i in range(MAX_GROUPS)}
    spans = _source(tmp_path / "m", arrays).spans
    alone = merge_groups([Group.from_items(name, items) for name, items in arrays.items()])
    together = group_small(spans)
    assert sorted(sorted(group.members) for group in alone) == sorted(
        sorted(span.name for span in group) for group in together
    )

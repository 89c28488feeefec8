"""Histograms and maps of masks count each weight once."""

import numpy as np
import pytest

from prunepack.stages.details.pictures import BINS, draw_mask, make_histogram


def test_a_histogram_counts_remaining_weights():
    dense = np.array([[-2.0, -0.5, 0.5, 1.0]], np.float32)
    found = make_histogram(dense, dense * [[1, 0, 0, 1]])
    assert found.reach == 2.0
    assert sum(found.dense) == 4
    assert sum(found.pruned) == 2
    assert found.pruned[0] == 1
    assert found.pruned[BINS * 3 // 4] == 1


@pytest.mark.parametrize(
    ("weights", "count"),
    [
        (np.zeros((3, 4), np.float32), 0),
        (np.array([[np.nan, np.inf], [1, 0]], np.float32), 1),
        (np.zeros((0, 4), np.float16), 0),
        (np.full((2, 2), 6e4, np.float16), 4),
    ],
)
def test_a_histogram_of_any_weights(weights, count):
    found = make_histogram(None, weights)
    assert found.dense == ()
    assert len(found.pruned) == BINS
    assert sum(found.pruned) == count


def test_a_small_mask_has_a_digit_per_weight():
    assert draw_mask(np.array([[0, 1, -2], [0, 0, np.nan]])) == ("099", "009")


@pytest.mark.parametrize("shape", [(33, 97), (64, 192), (7, 5, 3, 3), (1000, 1), (1, 1000)])
def test_a_map_holds_the_whole_matrix(shape):
    assert set("".join(draw_mask(np.ones(shape)))) == {"9"}
    assert set("".join(draw_mask(np.zeros(shape)))) == {"0"}
    lonely = np.zeros(shape)
    lonely.flat[-1] = 1
    rows = draw_mask(lonely)
    assert len(rows) <= 32
    assert {len(row) for row in rows} == {min(int(np.prod(shape[1:])), 96)}
    assert rows[-1][-1] != "0"
    assert sum(digit != "0" for row in rows for digit in row) == 1

"""Laws of comparing two streams."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prunepack.diff.values import align_pieces


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)), st.integers(0, 20))
def test_pieces_meet_wherever_they_are_cut(left_cuts, right_cuts, size):
    array = np.arange(size)
    left, right = (
        np.split(array, np.minimum(np.cumsum(cuts, dtype=int), size))
        for cuts in (left_cuts, right_cuts)
    )
    pairs = list(align_pieces(left, right))
    for side in (0, 1):
        joined = np.concatenate([np.empty(0, int), *(pair[side] for pair in pairs)])
        np.testing.assert_array_equal(joined, array)

"""Rows and kernels of the tensors in a chunk."""

import numpy as np
import pytest

from prunepack.coding.dtypes import DTYPES
from prunepack.coding.geometry import ElementSpan, Shapes

SHAPES = [(4, 3, 2, 2), (5,), (), (0, 7), (6, 2), (3, 0, 2)]


def spans(first, stop, shapes=SHAPES, dtype="float32"):
    return list(Shapes(shapes, DTYPES[dtype]).spans(first, stop))


def test_a_row_is_what_the_first_index_selects():
    assert spans(0, 66) == [
        ElementSpan(48, 0, 12, 4),
        ElementSpan(5, 0, 5, 1),
        ElementSpan(1, 0, 1, 1),
        ElementSpan(12, 0, 2, 1),
    ]


def test_a_chunk_may_begin_and_end_within_a_tensor():
    assert spans(30, 50) == [ElementSpan(18, 30, 12, 4), ElementSpan(2, 0, 2, 1)]
    assert spans(40, 48) == [ElementSpan(8, 40, 8, 1)]  # less than a row: nothing is above
    assert spans(55, 60) == [ElementSpan(5, 1, 2, 1)]
    assert spans(7, 7) == []


def test_elements_that_share_an_item_have_no_rows():
    assert spans(0, 14, [(5, 5), (3,)], "int4") == [
        ElementSpan(13, 0, 13, 1),
        ElementSpan(1, 0, 1, 1),
    ]


@pytest.mark.parametrize("size", [1, 5, 11, 66])
def test_any_cut_covers_every_item_once(size):
    shapes = Shapes(SHAPES, DTYPES["float32"])
    cuts = range(0, 66, size)
    found = [span for at in cuts for span in shapes.spans(at, min(at + size, 66))]
    assert sum(span.size for span in found) == 66
    for span in found:
        assert 1 <= span.row <= span.size
        assert span.row % span.kernel_size == 0
    starts = np.cumsum([span.size for span in found if span.kernel_size == 4])
    assert starts.size == 0 or starts[-1] <= 48

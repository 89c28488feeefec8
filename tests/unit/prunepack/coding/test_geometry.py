"""Where the rows and kernels of a chunk's tensors are."""

import numpy as np
import pytest

from prunepack.coding.dtypes import DTYPES
from prunepack.coding.geometry import Run, Shapes

SHAPES = [(4, 3, 2, 2), (5,), (), (0, 7), (6, 2), (3, 0, 2)]


def runs(first, stop, shapes=SHAPES, dtype="float32"):
    return list(Shapes(shapes, DTYPES[dtype]).runs(first, stop))


def test_a_row_is_what_the_first_index_selects():
    assert runs(0, 66) == [
        Run(48, 0, 12, 4),
        Run(5, 0, 5, 1),
        Run(1, 0, 1, 1),
        Run(12, 0, 2, 1),
    ]


def test_a_chunk_may_begin_and_end_within_a_tensor():
    assert runs(30, 50) == [Run(18, 30, 12, 4), Run(2, 0, 2, 1)]
    assert runs(40, 48) == [Run(8, 40, 8, 1)]  # less than a row: nothing is above
    assert runs(55, 60) == [Run(5, 1, 2, 1)]
    assert runs(7, 7) == []


def test_elements_that_share_an_item_have_no_rows():
    assert runs(0, 14, [(5, 5), (3,)], "int4") == [Run(13, 0, 13, 1), Run(1, 0, 1, 1)]


@pytest.mark.parametrize("size", [1, 5, 11, 66])
def test_any_cut_covers_every_item_once(size):
    shapes = Shapes(SHAPES, DTYPES["float32"])
    cuts = range(0, 66, size)
    found = [run for at in cuts for run in shapes.runs(at, min(at + size, 66))]
    assert sum(run.size for run in found) == 66
    for run in found:
        assert 1 <= run.row <= run.size
        assert run.row % run.kernel == 0
    starts = np.cumsum([run.size for run in found if run.kernel == 4])
    assert starts.size == 0 or starts[-1] <= 48

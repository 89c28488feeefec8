"""Size of the change between the elements of two tensors."""

import numpy as np
import pytest

from prunepack.coding.dtypes import DTYPES
from prunepack.diff.content import TensorSpec
from prunepack.diff.values import ValueChange, compare_values


def compared(name, before, after, elements=None):
    dtype = DTYPES[name]
    before, after = (np.asarray(side).astype(dtype.carrier) for side in (before, after))
    spec = TensorSpec(dtype, (before.size if elements is None else elements,))
    return compare_values(spec, [before], [after])


def test_everything_is_counted():
    found = compared("float32", [0, 1, 2, 0, -0.0, 4], [0, 0, 2, 3, 0, 4.5])
    assert found == ValueChange(
        spec=TensorSpec(DTYPES["float32"], (6,)),
        changed=4,
        largest=3.0,
        largest_at=3,
        relative=pytest.approx(np.sqrt((1 + 9 + 0.25) / (1 + 4 + 16))),
        nan=0,
        zeros_before=2,
        zeros_after=3,
        newly_zero=2,
        revived=1,
        negative_zeros_before=1,
        negative_zeros_after=0,
        denormals_before=0,
        denormals_after=0,
    )


def test_denormals_are_counted_by_their_bits():
    before, after = (np.array(words, "<u4").view("<f4") for words in ([1, 2, 0], [1, 2**31 + 7, 0]))
    found = compared("float32", before, after)
    assert (found.changed, found.denormals_before, found.denormals_after) == (1, 2, 2)


def test_nan_is_told_apart_by_its_bits():
    before = np.array([np.nan, np.nan, 1, np.nan], "<f4")
    after = before.copy()
    after.view("<u4")[0] ^= 1
    after[2:] = np.nan, 1
    found = compared("float32", before, after)
    assert (found.changed, found.nan, found.largest_at) == (3, 3, None)


def test_a_signalling_nan_is_no_reason_for_a_warning(recwarn):
    found = compared("bfloat16", [0x7F81, 0x3F80], [0x7F82, 0x3F80])
    assert (found.changed, found.nan, found.relative) == (1, 1, 0)
    assert not recwarn.list


def test_infinity_is_a_difference_like_any_other():
    found = compared("float64", [1, np.inf, 2], [1, -np.inf, np.inf])
    assert (found.changed, found.largest, found.largest_at) == (2, np.inf, 1)
    assert found.relative == 0


def test_what_was_all_zero_has_no_relative_change():
    assert compared("float32", [0, 0], [0, 1]).relative is None


def test_numbers_too_large_to_square_have_no_relative_change():
    assert compared("float64", [1e200, 1], [1e200, 2e200]).relative is None


@pytest.mark.parametrize(
    ("name", "before", "after", "largest"),
    [
        ("int64", [2**63 - 1, 5], [-(2**63), 5], 2**64 - 1),
        ("uint64", [0, 5], [2**64 - 1, 5], 2**64 - 1),
        ("int8", [-128], [127], 255),
        ("uint8", [3], [250], 247),
        ("bool", [0, 1], [1, 1], 1),
    ],
)
def test_integers_are_exact(name, before, after, largest):
    carrier = DTYPES[name].carrier
    found = compared(name, np.array(before, carrier), np.array(after, carrier))
    assert found.largest == largest
    assert type(found.largest) is int


def test_bfloat16_is_compared_as_numbers():
    found = compared("bfloat16", [0x3F80, 0x4000], [0x3F80, 0xC000])  # 1, 2 → 1, -2
    assert (found.changed, found.largest) == (1, 4.0)


@pytest.mark.skipif("int4" not in DTYPES, reason="the reader does not know narrow types")
def test_elements_of_half_a_byte_are_single_elements():
    found = compared("int4", [0x21, 0x0F], [0x2F, 0xFF], elements=3)  # 1, 2, -1 → -1, 2, -1
    assert (found.spec.elements, found.changed, found.largest, found.zeros_after) == (3, 1, 2, 0)

"""The order-0 entropy, against sums that can be done by hand."""

import numpy as np
import pytest

from benchmarks.entropy import estimate_bits, estimate_bytes

CASES = {
    "nothing but zeros": (np.zeros(1000, np.float32), 0),
    "a mask of 1 bit each, and a sign of 1 bit": (np.array([0, 0, 1, -1], np.float32), 4 + 2),
    "one bit of the mantissa": (np.array([1, 1.5], np.float32), 2),
    "exponent and top of the mantissa as one symbol": (np.array([1, 1, 3, 3], np.float32), 4),
    "low bits of the mantissa apart from that": (
        np.array([1, 1 + 2**-23, 3, 3 + 2**-22], np.float32),
        4 + 4,
    ),
    "one bit of the exponent": (np.array([1, 2], np.float16), 2),
    "all values the same": (np.full(50, 0.3, np.float32), 0),
    "a negative zero is not zero": (np.array([0.0, -0.0], np.float32), 2),
    "four levels, none zero": (np.array([1, 2, 3, 4], np.int8), 8),
    "one zero in four, and three levels": (
        np.array([0, 1, 2, 3], np.int8),
        np.log2(4) + 3 * np.log2(4 / 3) + 3 * np.log2(3),
    ),
    "bytes of a type without parts": (np.array([1, 257], np.int64), 2),
}


@pytest.mark.parametrize("name", CASES)
def test_bits(name):
    array, expected = CASES[name]
    assert estimate_bits(array) == pytest.approx(expected, abs=1e-9)


def test_a_pruned_tensor_costs_its_mask_and_what_is_left():
    generator = np.random.default_rng(0)
    weights = generator.choice(np.array([-2, -1, 1, 2], np.float32), 100_000)
    weights[generator.random(100_000) < 0.9] = 0
    kept = np.count_nonzero(weights)
    share = kept / weights.size
    mask = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    assert estimate_bits(weights) == pytest.approx(weights.size * mask + 2 * kept, rel=1e-3)


def test_tensors_add_up():
    arrays = (np.array([0, 0, 1, -1], np.float32), np.array([1, 2, 3, 4], np.int8))
    assert estimate_bytes(arrays) == (6 + 8) / 8

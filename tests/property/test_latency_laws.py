"""Laws of comparing latencies."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunepack.stages.profiling.ratio import compare_times

SEEDS = st.integers(0, 2**32 - 1)
FACTORS = st.floats(1e-6, 1e6)


@st.composite
def times(draw):
    """Times of any size and spread; some runs stalled."""
    generator = np.random.default_rng(draw(SEEDS))
    rounds, crossings = draw(st.integers(5, 12)), draw(st.integers(1, 20))
    spread, stalled = draw(st.floats(0, 2)), draw(st.floats(0, 0.5))
    shape = rounds, 2, crossings, 2, 2
    found = generator.lognormal(0, spread, shape)
    return found * np.where(generator.random(shape) < stalled, 50, 1) * draw(FACTORS)


def near(one, other):
    return math.isclose(one, other, rel_tol=1e-9)


@given(times(), SEEDS)
def test_the_ratio_is_within_its_interval(times, seed):
    found = compare_times(times, seed)
    assert 0 < found.low <= found.value <= found.high < math.inf


@given(times(), SEEDS, FACTORS)
def test_a_machine_that_is_slower_in_all_changes_nothing(times, seed, factor):
    before, after = compare_times(times, seed), compare_times(times * factor, seed)
    for one, other in zip(_numbers(before), _numbers(after), strict=True):
        assert near(one, other)


@given(times(), SEEDS)
def test_swapping_the_forms_inverts_everything(times, seed):
    one, other = compare_times(times, seed), compare_times(times[..., ::-1], seed)
    assert near(one.value, 1 / other.value)
    assert near(one.low, 1 / other.high)
    assert near(one.high, 1 / other.low)
    assert one.sign == -other.sign


@given(times(), SEEDS, st.floats(0.1, 10))
def test_a_slower_program_moves_all_of_the_interval(times, seed, factor):
    before, after = compare_times(times, seed), compare_times(times * np.array([1, factor]), seed)
    for one, other in zip(_numbers(before), _numbers(after), strict=True):
        assert near(one * factor, other)


@given(times(), SEEDS, SEEDS)
def test_the_order_of_pairs_within_an_opening_does_not_matter(times, seed, shuffle):
    generator = np.random.default_rng(shuffle)
    shuffled = generator.permuted(times.view(complex), axis=2).view(float)
    assert compare_times(shuffled, seed) == compare_times(times, seed)


@pytest.mark.parametrize("size", [(6, 13), (5, 2), (12, 5)])
def test_the_same_program_twice_is_beyond_one_at_the_nominal_rate(size):
    """Either end is on the wrong side of 1 in about 2.5 % of 800 comparisons, which is 20."""
    rounds, crossings = size
    generator = np.random.default_rng(0)
    above = below = 0
    for seed in range(800):
        luck = generator.lognormal(0, 0.02, (rounds, 2, 1, 1, 2))
        found = compare_times(
            luck * generator.lognormal(0, 0.1, (rounds, 2, crossings, 2, 2)), seed
        )
        above += found.low > 1
        below += found.high < 1
    assert 8 <= above <= 36
    assert 8 <= below <= 36


def _numbers(found):
    return found.value, found.low, found.high

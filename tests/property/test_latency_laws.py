"""Laws of comparing latencies."""

import math
from functools import cache

import numpy as np
import pytest
import scipy.stats  # noqa: F401 -- its first import is slower than an example may be
from hypothesis import given
from hypothesis import strategies as st

from prunepack.stages.profiling.ratio import (
    OPENING_SHARE,
    RUN_SHARE,
    compare_times,
    summarize_rounds,
)

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


@given(times())
def test_the_ratio_is_within_its_interval(times):
    found = compare_times(times)
    assert 0 < found.low <= found.value <= found.high < math.inf


@given(times(), FACTORS)
def test_a_machine_that_is_slower_in_all_changes_nothing(times, factor):
    before, after = compare_times(times), compare_times(times * factor)
    for one, other in zip(_numbers(before), _numbers(after), strict=True):
        assert near(one, other)


@given(times())
def test_swapping_the_forms_inverts_everything(times):
    one, other = compare_times(times), compare_times(times[..., ::-1])
    assert near(one.value, 1 / other.value)
    assert near(one.low, 1 / other.high)
    assert near(one.high, 1 / other.low)
    assert one.sign == -other.sign


@given(times(), st.floats(0.1, 10))
def test_a_slower_program_moves_all_of_the_interval(times, factor):
    before, after = compare_times(times), compare_times(times * np.array([1, factor]))
    for one, other in zip(_numbers(before), _numbers(after), strict=True):
        assert near(one * factor, other)


@given(times(), SEEDS)
def test_the_order_of_pairs_within_an_opening_does_not_matter(times, shuffle):
    generator = np.random.default_rng(shuffle)
    shuffled = generator.permuted(times.view(complex), axis=2).view(float)
    assert compare_times(shuffled) == compare_times(times)


@pytest.mark.parametrize("size", [(6, 13), (5, 2), (12, 5)])
def test_the_same_program_twice_is_beyond_one_at_the_nominal_rate(size):
    """Either end is on the wrong side of 1 in about 2.5 % of 800 processes, which is 20."""
    rounds, crossings = size
    shape = rounds, 2, crossings, 2, 2
    generator = np.random.default_rng(0)
    ends = np.array([_measure_itself(generator, shape)[1:] for _ in range(800)])
    assert 8 <= (ends[:, 0] > 1).sum() <= 36
    assert 8 <= (ends[:, 1] < 1).sum() <= 36


@pytest.mark.parametrize("rounds", [6, 9, 12])
def test_openings_of_the_same_program_are_beyond_one_at_the_nominal_rate(rounds):
    """The sign test has whole ranks only, so its rate may be lower."""
    generator = np.random.default_rng(1)
    shape = rounds, 2, 1, 1, 2
    ends = np.array([_measure_itself(generator, shape)[1:] for _ in range(800)])
    assert (ends[:, 0] > 1).sum() <= 36
    assert (ends[:, 1] < 1).sum() <= 36


@pytest.mark.parametrize("crossings", [1, 13])
def test_two_measurements_of_the_same_program_overlap(crossings):
    """Two intervals of 95 % that are equally wide do not overlap in 0.6 % of pairs."""
    generator = np.random.default_rng(2)
    shape = 6, 2, crossings, min(crossings, 2), 2
    found = [_measure_itself(generator, shape) for _ in range(400)]
    pairs = zip(found[::2], found[1::2], strict=True)
    assert sum(max(a[1], b[1]) > min(a[2], b[2]) for a, b in pairs) <= 5


def _measure_itself(generator, shape):
    """Compare a program with itself in one process: value, low and high.

    A session, a run and a process have an effect of their own; the effect of the process has the
    share of the variance that real processes have.
    """
    times = generator.lognormal(0, 0.02, (*shape[:2], 1, 1, 2))
    times = times * generator.lognormal(0, 0.1, shape)
    share = RUN_SHARE if shape[2] > 1 else OPENING_SHARE
    spread = _spread_of_rounds(shape) * share**0.5
    return _numbers(compare_times(times * np.array([1, generator.lognormal(0, spread)])))


@cache
def _spread_of_rounds(shape):
    """The standard deviation of a round of such times."""
    generator = np.random.default_rng(3)
    many = 4000, *shape[1:]
    times = generator.lognormal(0, 0.02, (*many[:2], 1, 1, 2)) * generator.lognormal(0, 0.1, many)
    return summarize_rounds(times).std()


def _numbers(found):
    return found.value, found.low, found.high

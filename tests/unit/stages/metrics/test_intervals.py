"""Intervals and tests of paired samples, against published numbers and against simulation."""

import math

import numpy as np
import pytest

from prunepack.stages.metrics.intervals import (
    compute_mcnemar,
    count_required_samples,
    estimate_difference,
    estimate_mean,
    estimate_proportion,
)


def test_wilson_as_published():
    """81 of 263 (Newcombe, Stat. Med. 17, 1998, table I, method 3)."""
    assert estimate_proportion(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert estimate_proportion(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert estimate_proportion(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert estimate_proportion(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_difference_worked_by_hand():
    """With one pair added to each: (13 - 3) / 102 ± 1.96 · sqrt((16 / 102 - 0.098²) / 102)."""
    middle, half = 10 / 102, 1.959964 * math.sqrt((16 / 102 - (10 / 102) ** 2) / 102)
    assert estimate_difference(12, 2, 100) == pytest.approx(
        (middle - half, middle + half), rel=1e-6
    )


def test_no_disagreement_is_no_certainty():
    low, high = estimate_difference(0, 0, 1000)
    assert low == -high
    assert 0.002 < high < 0.004


@pytest.mark.parametrize(
    ("lost", "gained", "expected"),
    [(0, 0, 1), (5, 5, 1), (1, 0, 1), (6, 0, 2 / 64), (8, 1, 20 / 512), (0, 10, 2 / 1024)],
)
def test_mcnemar_counted_out(lost, gained, expected):
    assert compute_mcnemar(lost, gained) == pytest.approx(expected)


def test_mcnemar_of_thousands():
    assert compute_mcnemar(5000, 5200) == pytest.approx(0.0488, abs=5e-4)
    assert compute_mcnemar(0, 5000) == 0


@pytest.mark.parametrize(("lost", "gained", "count"), [(0.02, 0.01, 2000), (0.1, 0.1, 100)])
def test_the_interval_holds_the_truth_as_often_as_it_says(lost, gained, count):
    generator = np.random.default_rng(0)
    chances = [lost, gained, 1 - lost - gained]
    draws = generator.multinomial(count, chances, size=4000)
    held = 0
    for a, b, _ in draws.tolist():
        low, high = estimate_difference(a, b, count)
        held += low <= lost - gained <= high
    assert 0.94 <= held / len(draws) <= 0.98


def test_the_bootstraps_interval_holds_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(0)
    held = 0
    for seed in range(80):
        low, high = estimate_mean(generator.exponential(size=100), seed)
        held += low <= 1 <= high
    assert 0.86 <= held / 80 <= 0.99


def test_the_bootstrap_comes_from_its_seed_and_not_from_the_order():
    values = np.random.default_rng(0).normal(size=50)
    assert estimate_mean(values, 3) == estimate_mean(values[::-1].copy(), 3)
    assert estimate_mean(values, 3) != estimate_mean(values, 4)
    low, high = estimate_mean(values, 3)
    half = 1.96 * values.std() / math.sqrt(50)
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)


def test_a_score_that_is_unknown():
    assert all(map(math.isnan, estimate_mean(np.array([1.0, math.nan]), 0)))


def test_samples_that_would_do():
    """8 of 1000 lost, 2 gained; the limit is 1 point: (1.96 + 0.84)² · 0.01 / 0.004² ≈ 5,000."""
    low, high = estimate_difference(8, 2, 1000)
    needed = count_required_samples(0.6, 100 * low, 100 * high, 1.0, 1000)
    assert needed == pytest.approx(2.8016**2 * 0.00996 / 0.004**2, rel=0.25)


def test_that_many_samples_do_decide():
    """In four of five repetitions, the interval is clear of the limit."""
    lost, gained, bound = 0.008, 0.002, 0.01
    half = 1.96 * math.sqrt((lost + gained - (lost - gained) ** 2) / 1000)
    needed = count_required_samples(0.006, 0.006 - half, 0.006 + half, bound, 1000)
    draws = np.random.default_rng(0).multinomial(needed, [lost, gained, 1 - lost - gained], 2000)
    decided = [estimate_difference(a, b, needed)[1] < bound for a, b, _ in draws.tolist()]
    assert 0.75 <= np.mean(decided) <= 0.85


@pytest.mark.parametrize(
    "figures",
    [
        (0.5, 0.4, 0.6, 0.5, 100),
        (math.nan, 0.4, 0.6, 0.5, 100),
        (0.5, -math.inf, 0.6, 0.4, 100),
        (0.5, 0.4, 0.6, 0.4, 0),
    ],
)
def test_no_number_would_do(figures):
    assert count_required_samples(*figures) is None

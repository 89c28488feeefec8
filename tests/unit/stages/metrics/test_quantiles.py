"""Quantiles to 1 % of what sorting would say; sums that do not depend on the order."""

import math

import numpy as np
import pytest

from prunepack.stages.metrics.quantiles import ErrorStatistics, Sketch, Total


def sketch_of(*parts):
    sketch = Sketch()
    for part in parts:
        sketch.add(np.asarray(part, np.float64))
    return sketch


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99, 1.0])
def test_quantiles_of_values_of_all_sizes(share):
    values = np.exp(np.random.default_rng(0).normal(scale=20, size=5000))
    expected = np.quantile(values, share, method="inverted_cdf")
    assert sketch_of(values[:100], values[100:]).quantile(share) == pytest.approx(
        expected, rel=0.01
    )


@pytest.mark.parametrize("value", [5e-324, 1e-300, 1e-7, 1.0, 1e300, 1.7e308])
def test_any_float_has_a_bin(value):
    assert sketch_of([value]).quantile(0.5) == pytest.approx(value, rel=0.01, abs=5e-324)


def test_zeros_infinities_and_nan():
    values = [0, 0, 0, 1, math.inf]
    assert sketch_of(values).quantile(0.6) == 0
    assert sketch_of(values).quantile(0.8) == pytest.approx(1, rel=0.01)
    assert sketch_of(values).quantile(1.0) == math.inf
    assert math.isnan(sketch_of([1, math.nan]).quantile(0.1))
    assert math.isnan(sketch_of().quantile(0.5))


def test_a_total_does_not_depend_on_the_order():
    rows = np.random.default_rng(0).lognormal(sigma=30, size=(500, 3))
    one, other = Total(), Total()
    one.add(rows)
    for row in rows[::-1]:
        other.add(row[None])
    assert one.value == other.value


def test_a_total_that_is_too_large():
    total = Total()
    total.add(np.full((3, 1), 1.7e308))
    assert total.value == math.inf


def test_no_errors_are_not_small_errors():
    errors = ErrorStatistics()
    errors.add(np.empty((0, 3)))
    assert all(map(math.isnan, errors.summary().values()))
    errors.add(np.array([[0.5, 0.25]]))
    assert errors.summary() == {"max": 0.5, "mean": 0.375, "p99": pytest.approx(0.5, rel=0.01)}

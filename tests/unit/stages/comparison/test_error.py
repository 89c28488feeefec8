"""One output in all the ways that people ask for, checked against numbers worked out by hand."""

import math

import numpy as np
import pytest

from prunepack.stages.comparison.error import Deviation
from prunepack.stages.comparison.tolerances import AllowedError

NAN, INF = float("nan"), float("inf")


def figures(expected, found, allowed=None):
    deviation = Deviation("y", allowed or AllowedError(1e-4, 1e-4))
    deviation.add(np.asarray(expected, np.float32), np.asarray(found, np.float32))
    return {name.removeprefix("x."): one.value for name, one in deviation.metrics("x").items()}


def test_errors():
    found = figures([[1, 2], [4, -8]], [[1, 2.5], [3, -8]])
    assert found["values"] == 4
    assert found["beyond_tolerance"] == 2
    assert found["max_absolute"] == 1
    assert found["mean_absolute"] == 0.375
    assert found["p99_absolute"] == pytest.approx(1, rel=0.01)
    assert found["max_relative"] == 0.25
    assert found["mean_relative"] == 0.125
    assert found["sqnr_db"] == pytest.approx(10 * math.log10((1 + 4 + 16 + 64) / 1.25))


def test_the_99th_percentile_is_not_the_maximum():
    found = np.zeros((1000, 1))
    found[:20] = 0.5
    found[0] = 100
    assert figures(np.zeros((1000, 1)), found)["p99_absolute"] == pytest.approx(0.5, rel=0.01)


def test_an_error_where_zero_was_expected_is_infinite_in_relation():
    found = figures([[0, 1]], [[1e-9, 1]])
    assert found["max_relative"] == INF
    assert found["max_absolute"] == pytest.approx(1e-9)
    assert found["beyond_tolerance"] == 0


def test_equal_outputs():
    found = figures([[1, 2], [0, 0]], [[1, 2], [0, 0]])
    assert found["cosine"] == 1
    assert found["sqnr_db"] == INF
    assert found["argmax"] == 100
    assert "top5" not in found
    assert found["max_absolute"] == found["mean_relative"] == found["p99_relative"] == 0


@pytest.mark.parametrize(
    ("expected", "found", "cosine"),
    [
        ([[1, 0]], [[0, 1]], 0),
        ([[1, 0]], [[-3, 0]], -1),
        ([[1, 1]], [[1, 0]], 2**-0.5),
        ([[3, 4], [1, 1]], [[3, 4], [1, 0]], 2**-0.5),
        ([[0, 0]], [[1, 0]], 0),
        ([[0, 0]], [[0, 0]], 1),
        ([[1e30, 1e30]], [[2e30, 2e30]], 1),
        ([[[1], [0]]], [[[0], [1]]], 0),
    ],
)
def test_cosine_is_the_lowest_of_all_samples(expected, found, cosine):
    assert figures(expected, found)["cosine"] == pytest.approx(cosine, abs=1e-12)


def test_cosine_keeps_its_digits_close_to_one():
    """1 - c is half of the angle squared, 5e-15, which a product of unit vectors would lose."""
    deviation = Deviation("y", AllowedError(0, 0))
    deviation.add(np.array([[1.0, 0.0]]), np.array([[1.0, 1e-7]]))
    assert 1 - deviation.metrics("x")["x.cosine"].value == pytest.approx(5e-15, rel=0.05)


def test_rankings():
    expected = [[9, 8, 7, 6, 5, 4, 3], [9, 8, 7, 6, 5, 4, 3]]
    assert figures(expected, [[9, 8, 7, 6, 4.5, 4, 3], [8, 9, 7, 6, 5, 4, 3]])["argmax"] == 50
    found = figures(expected, [[9, 8, 7, 6, 3.5, 4, 3], [8, 9, 7, 6, 5, 4, 3]])
    assert (found["argmax"], found["top5"]) == (50, 50)
    with_nan = figures(expected, [[9, 8, 7, 6, 5, 4, NAN], [9, 8, 7, 6, 5, 4, 3]])
    assert (with_nan["argmax"], with_nan["top5"]) == (50, 50)


def test_a_ranking_of_each_position():
    expected = np.zeros((2, 3, 4))
    found = expected.copy()
    found[1, 2, 3] = 1
    assert figures(expected, found)["argmax"] == pytest.approx(100 * 5 / 6)


def test_one_number_per_sample_has_no_direction_and_no_ranking():
    found = figures([1, 2], [1, 3])
    assert not {"cosine", "argmax", "top5"} & found.keys()
    assert found["sqnr_db"] == pytest.approx(10 * math.log10(5))


@pytest.mark.parametrize("one", [NAN, INF])
def test_what_is_not_finite_shows_in_every_figure(one):
    found = figures([[1, 2]], [[1, one]])
    assert found["nonfinite"] == found["beyond_tolerance"] == 1
    for name in ("tolerance", "max_absolute", "mean_absolute", "max_relative", "mean_relative"):
        assert not math.isfinite(found[name])
    assert math.isnan(found["cosine"])
    assert found["sqnr_db"] == -INF or math.isnan(found["sqnr_db"])


@pytest.mark.parametrize(("expected", "found"), [([[INF]], [[1]]), ([[1]], [[INF]])])
def test_an_infinite_error_is_within_no_tolerance(expected, found):
    assert figures(expected, found, AllowedError(1e30, 1e30))["beyond_tolerance"] == 1


def test_integers_have_errors_and_nothing_else():
    deviation = Deviation("ids", AllowedError(0, 0))
    deviation.add(np.array([[1, 5]]), np.array([[1, 7]]))
    found = {name: one.value for name, one in deviation.metrics("x").items()}
    assert (found["x.max_absolute"], found["x.beyond_tolerance"]) == (2, 1)
    assert not {"x.cosine", "x.sqnr_db", "x.argmax"} & found.keys()


def test_a_signal_of_nothing_but_noise():
    assert figures([[0, 0]], [[1, 0]])["sqnr_db"] == -INF
    assert figures([[0, 0]], [[0, 0]])["sqnr_db"] == INF

"""The laws of parity: numpy agrees with each verdict, NaN never passes, order changes nothing."""

import math

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from prunepack.stages.comparison.comparison import Comparison
from prunepack.stages.comparison.error import compute_tolerance
from prunepack.stages.comparison.tolerances import Tolerance

SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, max_side=5)
FINITE = st.floats(-(2.0**100), 2.0**100, width=32)
ANY = st.floats(width=32)


@st.composite
def pairs(draw, elements):
    shape = draw(SHAPES)
    one = draw(arrays.arrays(np.float32, shape, elements=elements))
    if draw(st.booleans()):
        return one, draw(arrays.arrays(np.float32, shape, elements=elements))
    nudges = draw(arrays.arrays(np.float32, shape, elements=st.floats(-0.125, 0.125, width=32)))
    with np.errstate(invalid="ignore", over="ignore"):
        return one, one + one * nudges


def close(expected, found, t):
    return np.allclose(found.astype(np.float64), expected.astype(np.float64), atol=t, rtol=t)


@given(pairs(FINITE))
def test_numpy_agrees_just_above_and_not_just_below(pair):
    expected, found = pair
    t, where = compute_tolerance(expected, found)
    assert close(expected, found, t * (1 + 1e-9))
    if t:
        assert not close(expected, found, t * (1 - 1e-9))
        assert not close(expected[where], found[where], t * (1 - 1e-9))


@given(pairs(ANY))
def test_nothing_with_a_nan_passes_and_nothing_else_is_nan(pair):
    expected, found = pair
    t, where = compute_tolerance(expected, found)
    other_infinity = np.isinf(expected) & (expected != found)
    bad = np.isnan(expected) | np.isnan(found) | other_infinity
    assert math.isnan(t) == bool(bad.any())
    if math.isnan(t):
        assert bad[where]


@given(arrays.arrays(np.float32, SHAPES, elements=ANY))
def test_an_array_is_exactly_itself(array):
    comparison = Comparison("x", exact=True)
    comparison.add({"y": array}, {"y": array.copy()}, 1)
    assert comparison.metrics()["parity.x.differing_values"].value == 0


@given(arrays.arrays(np.uint32, (6,)), st.integers(0, 5), st.integers(0, 31))
def test_one_flipped_bit_is_one_differing_value(words, index, bit):
    flipped = words.copy()
    flipped[index] ^= np.uint32(1 << bit)
    comparison = Comparison("x", exact=True)
    one, other = ({"y": each.view(np.float32)} for each in (words, flipped))
    with np.errstate(invalid="ignore"):
        comparison.add(one, other, 1)
    assert comparison.metrics()["parity.x.differing_values"].value == 1


@given(pairs(FINITE), st.integers(1, 4))
def test_cutting_into_batches_changes_no_metric(pair, size):
    expected, found = (np.atleast_1d(each) for each in pair)
    whole, cut = Comparison("x"), Comparison("x")
    whole.add({"y": expected}, {"y": found}, len(expected))
    for at in range(0, len(expected), size):
        part, other = expected[at : at + size], found[at : at + size]
        cut.add({"y": part}, {"y": other}, len(part))
    assert whole.metrics() == cut.metrics()


def metrics(expected, found, rules=()):
    """The metrics of a comparison of one batch, with NaN as a word, since it equals nothing."""
    comparison = Comparison("x", rules=rules)
    comparison.add({"y": expected}, {"y": found}, len(expected))
    values = {name: one.value for name, one in comparison.metrics().items()}
    return {name.removeprefix("parity.x."): str(value) for name, value in values.items()}


@given(pairs(ANY), st.data())
def test_the_order_of_samples_changes_no_metric(pair, data):
    expected, found = (np.atleast_1d(each) for each in pair)
    order = data.draw(st.permutations(range(len(expected))))
    assert metrics(expected, found) == metrics(expected[order], found[order])


@given(pairs(ANY), st.floats(0, 1), st.floats(0, 1))
def test_beyond_tolerance_is_what_numpy_says(pair, atol, rtol):
    expected, found = (np.atleast_1d(each) for each in pair)
    beyond = metrics(expected, found, (Tolerance(atol=atol, rtol=rtol),))["beyond_tolerance"]
    a, b = found.astype(np.float64), expected.astype(np.float64)
    if np.array_equal(a, b, equal_nan=True) and not np.isfinite(a).any():
        assert beyond == "nan"
        return
    assert int(beyond) == int((~np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)).sum())


@given(pairs(ANY), st.booleans(), st.floats(0, 1e30))
def test_a_nan_on_one_side_never_passes(pair, nonfinite, loose):
    expected, found = (np.atleast_1d(each) for each in pair)
    rules = (Tolerance(atol=loose, rtol=loose, nonfinite=nonfinite),)
    lonely = int((np.isnan(expected) != np.isnan(found)).sum())
    assume(lonely or np.isfinite(expected).any())
    measured = metrics(expected, found, rules)
    assert int(measured["beyond_tolerance"]) >= lonely
    assert int(measured["nonfinite"]) >= lonely
    if not nonfinite:
        bad = ~(np.isfinite(expected) & np.isfinite(found))
        assert int(measured["nonfinite"]) == bad.sum()


@given(pairs(FINITE))
def test_what_agrees_points_the_same_way(pair):
    expected, found = (np.atleast_1d(each) for each in pair)
    measured = metrics(expected, expected)
    for name in ("cosine", "argmax", "top5"):
        value = float(metrics(expected, found).get(f"outputs.y.{name}", 0))
        assert -1 - 1e-9 <= value <= 100
        assert float(measured.get(f"outputs.y.{name}", 1)) in {1, 100}
    assert measured["outputs.y.sqnr_db"] == "inf"

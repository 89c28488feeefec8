"""The laws of paired samples: an interval holds its point, and neither order nor side matters."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from prunepack.stages.comparison.forms import FORMS
from prunepack.stages.evaluation.accuracy import accuracy_metrics, score_metrics
from prunepack.stages.metrics.intervals import (
    compute_mcnemar,
    count_required_samples,
    estimate_difference,
    estimate_mean,
    estimate_proportion,
)


@st.composite
def counts(draw):
    """Samples that only the first has right, that only the second has, and all samples."""
    lost, gained = draw(st.integers(0, 5000)), draw(st.integers(0, 5000))
    return lost, gained, lost + gained + draw(st.integers(0 if lost + gained else 1, 20000))


@given(counts())
def test_the_interval_of_a_difference_holds_it(found):
    lost, gained, samples = found
    low, high = estimate_difference(lost, gained, samples)
    assert -1 <= low <= (lost - gained) / samples <= high <= 1


@given(counts())
def test_the_other_way_round_the_difference_is_its_negative(found):
    lost, gained, samples = found
    low, high = estimate_difference(lost, gained, samples)
    assert estimate_difference(gained, lost, samples) == (-high, -low)


@given(counts())
def test_the_interval_of_a_proportion_holds_it(found):
    right, _, samples = found
    low, high = estimate_proportion(right, samples)
    assert 0 <= low <= right / samples <= high <= 1


@given(counts())
def test_mcnemar_is_symmetric_and_a_probability(found):
    lost, gained, _ = found
    assert compute_mcnemar(lost, gained) == compute_mcnemar(gained, lost)
    assert 0 <= compute_mcnemar(lost, gained) <= 1


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_one_more_on_the_smaller_side_is_less_surprising(lost, gained):
    fewer, more = sorted((lost, gained))
    if fewer < more:
        assert compute_mcnemar(fewer + 1, more - 1) >= compute_mcnemar(fewer, more)


SCORES = arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(-100, 100))


@settings(max_examples=25, deadline=None)
@given(SCORES, st.integers(0, 2**31))
def test_the_bootstraps_interval_holds_the_mean(values, seed):
    low, high = estimate_mean(values, seed)
    assert low <= np.sort(values).mean() <= high
    assert values.min() - 1e-9 <= low <= high <= values.max() + 1e-9


@given(st.data(), st.integers(1, 40))
def test_the_order_of_samples_changes_no_accuracy(data, count):
    bits = arrays.arrays(np.bool_, count)
    right = {name: data.draw(bits) for name in FORMS}
    agreed, order = data.draw(bits), data.draw(st.permutations(range(count)))
    labels = data.draw(arrays.arrays(np.int64, count, elements=st.integers(0, 3)))
    shuffled = {name: one[order] for name, one in right.items()}
    metrics = accuracy_metrics(right, agreed, labels)
    assert metrics == accuracy_metrics(shuffled, agreed[order], labels[order])
    for one in metrics.values():
        assert one.low is None or one.low <= one.value <= one.high


@settings(max_examples=20, deadline=None)
@given(st.data(), st.integers(1, 20))
def test_the_order_of_samples_changes_no_score(data, count):
    values = arrays.arrays(np.float64, count, elements=st.floats(-10, 10))
    scores = {name: data.draw(values) for name in FORMS}
    order = data.draw(st.permutations(range(count)))
    shuffled = {name: one[order] for name, one in scores.items()}
    assert score_metrics(scores, "m", 0) == score_metrics(shuffled, "m", 0)


@given(counts(), st.floats(-1, 1), st.floats(1.1, 4))
def test_a_limit_that_is_further_away_needs_fewer_samples(found, bound, times):
    lost, gained, samples = found
    value, (low, high) = (lost - gained) / samples, estimate_difference(lost, gained, samples)
    near = count_required_samples(value, low, high, bound, samples)
    far = count_required_samples(value, low, high, value + times * (bound - value), samples)
    if near is None:
        assert abs(value - bound) < 1e-5
    elif far is not None:
        assert far <= near

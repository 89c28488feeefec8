"""Laws of limits and of metrics as JSON."""

import json
import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from prunepack.stages.metrics.limits import Check, Limit
from prunepack.stages.metrics.metric import Metric, metrics_from_json, metrics_to_json

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANY = st.floats()
SENSES = st.sampled_from(["<=", ">="])


NAMES = st.from_regex(r"[a-z_][a-z_0-9]*(\.[a-z_0-9]+)*", fullmatch=True)
REFERENCES = st.sampled_from(["baseline", "dense", "size.dense_onnx"])


def check(sense, bound, metric):
    return Check(Limit("x", sense, bound), metric, bound).outcome


@given(NAMES, SENSES, FINITE)
def test_a_limit_is_read_back(name, sense, bound):
    limit = Limit.parse(f"{name} {sense} {bound!r}")
    assert limit == Limit(name, sense, bound)
    assert Limit.parse(str(limit)) == limit


@given(NAMES, SENSES, FINITE, REFERENCES, FINITE)
def test_a_relative_limit_is_read_back(name, sense, factor, reference, plus):
    limit = Limit(name, sense, plus, reference, factor)
    assert Limit.parse(str(limit)) == limit


@given(FINITE, FINITE, FINITE, SENSES, FINITE)
def test_an_interval_never_turns_a_verdict_round(value, low, high, sense, bound):
    low, value, high = sorted((low, value, high))
    alone = check(sense, bound, Metric(value))
    assert check(sense, bound, Metric(value, low=low, high=high)) in {alone, "undecided"}


@given(FINITE, FINITE, FINITE, SENSES, FINITE)
def test_an_estimate_passes_only_if_its_ends_do(value, low, high, sense, bound):
    found = check(sense, bound, Metric(value, low=low, high=high))
    ends = {check(sense, bound, Metric(end)) for end in (value, low, high)}
    assert found == (ends.pop() if len(ends) == 1 else "undecided")


@given(ANY, ANY, ANY, SENSES, FINITE)
def test_not_a_number_never_passes(value, low, high, sense, bound):
    if any(map(math.isnan, (value, low, high))):
        assert check(sense, bound, Metric(value, low=low, high=high)) == "failed"


@given(FINITE, FINITE)
def test_a_figure_is_on_one_side_at_least(value, bound):
    sides = [check(sense, bound, Metric(value)) == "passed" for sense in ("<=", ">=")]
    assert any(sides)
    assert all(sides) == (value == bound)


@given(ANY, st.none() | ANY, st.none() | ANY, st.text(), st.text())
def test_figures_come_back_from_json(value, low, high, unit, note):
    metric = Metric(value, unit, low, high, note)
    text = json.dumps(metrics_to_json({"x": metric}), allow_nan=False)
    found = metrics_from_json(json.loads(text), Path("x"))["x"]
    assert repr(found) == repr(metric)

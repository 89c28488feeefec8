"""Laws of limits and of figures as JSON."""

import json
import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stages.limits import Check, Limit
from stages.metrics import Metric, metrics_from_json, metrics_to_json

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANY = st.floats()
SENSES = st.sampled_from(["<=", ">="])


@given(st.from_regex(r"[a-z_0-9]+(\.[a-z_0-9]+)*", fullmatch=True), SENSES, FINITE)
def test_a_limit_is_read_back_to_six_digits(name, sense, bound):
    limit = Limit.parse(f"{name} {sense} {bound!r}")
    assert limit == Limit(name, sense, bound)
    again = Limit.parse(str(limit))
    assert (again.name, again.sense) == (name, sense)
    assert math.isclose(again.bound, bound, rel_tol=1e-5, abs_tol=1e-300)


@given(ANY, ANY, ANY, SENSES, FINITE)
def test_an_interval_never_makes_a_check_stricter(value, low, high, sense, bound):
    limit = Limit("x", sense, bound)
    alone = Check(limit, Metric(value)).passed
    wide = Check(limit, Metric(value, low=low, high=high)).passed
    assert wide >= alone


@given(FINITE, FINITE, FINITE)
def test_a_figure_is_on_one_side_at_least(value, bound, other):
    sides = [Check(Limit("x", sense, bound), Metric(value)).passed for sense in ("<=", ">=")]
    assert any(sides)
    assert all(sides) == (value == bound)


@given(ANY, st.none() | ANY, st.none() | ANY, st.text(), st.text())
def test_figures_come_back_from_json(value, low, high, unit, note):
    metric = Metric(value, unit, low, high, note)
    text = json.dumps(metrics_to_json({"x": metric}), allow_nan=False)
    found = metrics_from_json(json.loads(text), Path("x"))["x"]
    assert repr(found) == repr(metric)

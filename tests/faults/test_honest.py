"""Honest releases with other seeds, exports, files and models: no alarm."""

import pytest

from tests.faults.honest import RUNS, VARIATIONS, judge_honest_release, judge_variation


@pytest.mark.parametrize("number", range(6))
def test_no_alarm(number, tmp_path):
    assert judge_honest_release(number, tmp_path) is None


@pytest.mark.slow
@pytest.mark.parametrize("number", range(6, RUNS))
def test_no_alarm_in_many_runs(number, tmp_path):
    assert judge_honest_release(number, tmp_path) is None


@pytest.mark.parametrize(
    "variation", [one for one in VARIATIONS if one.quick], ids=lambda one: one.name
)
def test_no_alarm_for_a_variation(variation, tmp_path):
    assert judge_variation(variation, tmp_path) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "variation", [one for one in VARIATIONS if not one.quick], ids=lambda one: one.name
)
def test_no_alarm_for_any_variation(variation, tmp_path):
    assert judge_variation(variation, tmp_path) is None

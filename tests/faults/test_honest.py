"""Honest releases with other seeds, other amounts of pruning, other inputs: no alarm."""

import pytest

from tests.faults.honest import RUNS, judge_honest_release


@pytest.mark.parametrize("number", range(6))
def test_no_alarm(number, tmp_path):
    assert judge_honest_release(number, tmp_path) is None


@pytest.mark.slow
@pytest.mark.parametrize("number", range(6, RUNS))
def test_no_alarm_in_many_runs(number, tmp_path):
    assert judge_honest_release(number, tmp_path) is None

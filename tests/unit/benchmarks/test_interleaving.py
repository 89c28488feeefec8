"""Times in turn, and what a ratio of them says."""

import os

import numpy as np
import pytest

from benchmarks.timing import compare_seconds, pin_to_cores, time_interleaved


def test_ways_take_turns_and_the_first_round_does_not_count():
    called = []
    seconds = time_interleaved({name: lambda n=name: called.append(n) for name in "ab"}, 3)
    assert "".join(called) == "abbaabba"
    assert {name: one.shape for name, one in seconds.items()} == {"a": (3,), "b": (3,)}
    assert all((one >= 0).all() for one in seconds.values())


def test_how_many_times_as_fast():
    slower = np.array([4.0, 4.1, 3.9, 4.0, 4.2])
    assert compare_seconds(slower, slower / 2) == {"ratio": 2.0, "low": 2.0, "high": 2.0}
    found = compare_seconds(slower, np.array([1.0, 2.0, 1.0, 2.0, 1.0]))
    assert found["ratio"] == 4.0
    assert 1.9 < found["low"] < found["ratio"] <= found["high"] < 4.3


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity here")
def test_one_core_at_a_time():
    before = os.sched_getaffinity(0)
    with pin_to_cores():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before

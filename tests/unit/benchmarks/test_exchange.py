"""Distance of two cores."""

import os

import pytest

from benchmarks.inference.exchange import measure_exchange
from benchmarks.timing import pin_to_cores


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")
def test_a_cache_line_takes_some_nanoseconds():
    assert 5 < measure_exchange() < 1e6


def test_one_core_has_no_other_one():
    with pin_to_cores(1), pytest.raises(ValueError, match="an exchange needs two cores"):
        measure_exchange()

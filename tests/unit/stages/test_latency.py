"""Latency: paired, interleaved, and an interval that holds what it says. No time is judged here."""

import numpy as np
import pytest

from stages.latency import WARM_UP, compare_latency, ratio_interval
from stages.sessions import artifact_session, onnx_session

CPU = ["CPUExecutionProvider"]
PIXELS = {"input": np.zeros((2, 1, 28, 28), np.float32)}


def paired(ratio, seed, repeats=100):
    """Return noisy paired times whose true ratio is ``ratio``, with slow spells and rare stalls."""
    generator = np.random.default_rng(seed)
    spell = np.where(np.arange(repeats) % 10 < 3, 1.5, 1.0)
    stalls = 1 + 20 * (generator.random((repeats, 2)) < 0.02)
    times = generator.lognormal(0, 0.1, (repeats, 2)) * spell[:, None] * stalls
    return times * np.array([1.0, ratio])


@pytest.mark.parametrize("ratio", [0.7, 1.0, 1.3])
def test_the_interval_holds_the_true_ratio_in_most_runs(ratio):
    held = 0
    for seed in range(30):
        low, high = ratio_interval(paired(ratio, seed), seed)
        held += low <= ratio <= high
    assert held >= 26


def test_the_same_program_twice_is_as_fast_as_itself():
    low, high = ratio_interval(paired(1.0, 1, repeats=300), 0)
    assert low <= 1 <= high
    assert high - low < 0.2


def test_a_real_slowdown_is_told_from_noise():
    assert ratio_interval(paired(1.3, 1), 0)[0] > 1.1


def test_more_repeats_make_it_narrower():
    widths = []
    for repeats in (20, 500):
        low, high = ratio_interval(paired(1.0, 2, repeats), 0)
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_identical_times_leave_no_doubt():
    assert ratio_interval(np.tile([2.0, 1.0], (20, 1)), 0) == (0.5, 0.5)


def test_the_seed_decides():
    times = paired(1.0, 3, repeats=30)
    assert ratio_interval(times, 7) == ratio_interval(times, 7) != ratio_interval(times, 8)


class Recorded:
    """A session that notes each of its runs."""

    def __init__(self, name, session, runs):
        self._name, self._session, self._runs = name, session, runs

    def __getattr__(self, name):
        return getattr(self._session, name)

    def run(self, *args):
        self._runs.append(self._name)
        return self._session.run(*args)


@pytest.fixture(scope="module")
def sessions(chain):
    return onnx_session(chain.dense_onnx.model, CPU), artifact_session(chain.package.file, CPU)


def test_runs_are_interleaved_in_alternating_order(sessions):
    runs = []
    dense, pruned = (Recorded(name, one, runs) for name, one in zip("dp", sessions, strict=True))
    compare_latency(dense, pruned, PIXELS, 4, 0)
    assert "".join(runs) == "dp" * WARM_UP + "pd" + "dp" + "pd" + "dp"


def test_two_real_sessions(sessions):
    found = compare_latency(*sessions, PIXELS, 12, 0)
    assert found.dense > 0
    assert found.pruned > 0
    assert found.ratio == found.pruned / found.dense
    assert 0 < found.low <= found.high < np.inf

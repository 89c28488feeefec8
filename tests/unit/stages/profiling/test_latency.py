"""Latency as statistics: an interval that holds what it says, and three words. Nothing is timed."""

import math

import numpy as np
import pytest

from prunepack.stages.profiling.latency import latency_metrics
from prunepack.stages.profiling.ratio import (
    MARGIN,
    OPENING_SHARE,
    RUN_SHARE,
    Ratio,
    compare_times,
    estimate_ratio,
)


def crossover(ratio, seed, rounds=6, crossings=13, spell=1.0):
    """Return times whose true ratio is ``ratio``: effects of order, slow spells and stalls.

    The second session opened and the second run of a pair are 3 % slower, each session has a
    luck of its own, the machine is ``spell`` times slower for some runs in a row, and one run
    in fifty stalls.
    """
    generator = np.random.default_rng(seed)
    shape = rounds, 2, crossings, 2, 2
    times = generator.lognormal(0, 0.1, shape)
    times *= generator.lognormal(0, 0.01, (rounds, 2, 1, 1, 2))
    late = np.array([[1, 1.03], [1.03, 1]])
    times *= late[:, None, None, :] * late
    slow = np.cumsum(generator.random(times.size) < 0.05) % 2
    times *= np.where(slow, spell, 1.0).reshape(shape)
    times *= 1 + 20 * (generator.random(shape) < 0.02)
    return times * np.array([1.0, ratio])


@pytest.mark.parametrize("ratio", [0.7, 1.0, 1.3])
@pytest.mark.parametrize("spell", [1.0, 2.0])
def test_the_interval_holds_the_true_ratio_in_most_runs(ratio, spell):
    held = 0
    for seed in range(60):
        found = compare_times(crossover(ratio, seed, spell=spell))
        held += found.low <= ratio <= found.high
    assert held >= 53


@pytest.mark.parametrize("spell", [1.0, 1.5, 2.0])
def test_fifteen_percent_are_told_and_nothing_is_not(spell):
    same = [compare_times(crossover(1.0, seed, spell=spell)).verdict for seed in range(60)]
    slower = [compare_times(crossover(1.15, seed, spell=spell)).verdict for seed in range(60)]
    faster = [compare_times(crossover(1 / 1.15, seed, spell=spell)).verdict for seed in range(60)]
    assert same.count("slower") <= 2
    assert same.count("faster") <= 2
    assert slower.count("slower") >= 58
    assert faster.count("faster") >= 58


def test_sessions_that_lie_badly_are_no_verdict():
    generator = np.random.default_rng(0)
    luck = generator.lognormal(0, 0.2, (6, 2, 1, 1, 2))
    times = luck * generator.lognormal(0, 0.001, (6, 2, 100, 2, 2))
    found = compare_times(times)
    assert found.verdict == "undecided"
    assert found.high / found.low > 1.1, "a hundred runs of the same session are no new evidence"


def test_what_the_order_does_cancels():
    late = np.array([[1.0, 1.5], [1.5, 1.0]])
    times = np.tile(late[:, None, None, :] * late, (6, 1, 8, 1, 1))
    assert compare_times(times) == Ratio(*[pytest.approx(1.0)] * 3)


def test_one_pair_an_opening_may_stall_in_some_rounds():
    times = np.random.default_rng(0).lognormal(0, 0.02, (6, 2, 1, 1, 2))
    times[[1, 4], 0, 0, 0, 1] *= 50
    assert compare_times(times).value == pytest.approx(1, abs=0.03)


def test_more_rounds_make_it_narrower():
    few, many = (
        [compare_times(crossover(1.0, seed, rounds)) for seed in range(10)] for rounds in (5, 80)
    )
    width, narrow = (np.mean([found.high - found.low for found in each]) for each in (few, many))
    assert narrow < width / 2


def test_identical_times_leave_no_doubt():
    found = compare_times(np.tile([2.0, 1.0], (5, 2, 3, 2, 1)))
    assert found == Ratio(*[pytest.approx(0.5)] * 3)
    assert found.verdict == "faster"


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (1 + MARGIN + 1e-9, 1.5, "slower"),
        (1 + MARGIN, 1.5, "undecided"),
        (0.9, 1.1, "undecided"),
        (1.001, 1.009, "undecided"),
        (0.5, 1 / (1 + MARGIN), "undecided"),
        (0.5, 1 / (1 + MARGIN) - 1e-9, "faster"),
    ],
)
def test_the_word_needs_the_whole_interval(low, high, word):
    found = Ratio((low + high) / 2, low, high)
    assert found.verdict == word
    assert found.sign == {"slower": 1, "faster": -1}.get(word, 0)


def undo_widening(found, rounds, share):
    """The logarithms of an interval as it would be if all rounds had a process of their own."""
    widening = math.sqrt(1 + rounds * share)
    return [math.log(end / found.value) / widening for end in (found.low, found.high)]


# From a table of Student's t, 97.5 %.
@pytest.mark.parametrize(("freedom", "expected"), [(4, 2.776), (5, 2.571), (9, 2.262), (60, 2.0)])
def test_rounds_of_runs_have_the_interval_of_student(freedom, expected):
    rounds = np.random.default_rng(freedom).normal(0.2, 0.05, freedom + 1)
    found = estimate_ratio(rounds, is_run=True)
    half = expected * rounds.std(ddof=1) / math.sqrt(freedom + 1)
    assert undo_widening(found, freedom + 1, RUN_SHARE) == pytest.approx([-half, half], rel=5e-4)
    assert found.value == pytest.approx(math.exp(rounds.mean()))


# From a table of the sign test: the rank of the lower end, counted from 1.
@pytest.mark.parametrize(("count", "rank"), [(5, 1), (6, 1), (8, 1), (9, 2), (12, 3), (25, 8)])
def test_rounds_of_openings_have_the_interval_of_the_sign_test(count, rank):
    rounds = np.random.default_rng(count).normal(0.2, 0.05, count)
    found = estimate_ratio(rounds, is_run=False)
    ends = np.sort(rounds)[[rank - 1, count - rank]] - np.median(rounds)
    assert undo_widening(found, count, OPENING_SHARE) == pytest.approx(ends.tolist())
    assert found.value == pytest.approx(math.exp(np.median(rounds)))


@pytest.mark.parametrize("is_run", [True, False])
def test_no_number_of_rounds_of_one_process_replaces_other_processes(is_run):
    rounds = np.random.default_rng(0).normal(0, 0.05, 10_000)
    found = estimate_ratio(rounds, is_run=is_run)
    assert math.log(found.high / found.value) > 0.05 * 1.9 * math.sqrt(RUN_SHARE)


def test_all_figures():
    times = np.tile(np.array([4.0, 2.0]), (5, 2, 10, 2, 1))
    times[0, 0, 0, 0] = 400.0, 200.0
    found = latency_metrics("batch_8", times, "here", 8)
    assert {name: (one.value, one.unit) for name, one in found.items()} == {
        "latency.batch_8.dense": (4.0, "ms"),
        "latency.batch_8.dense_p90": (4.0, "ms"),
        "latency.batch_8.dense_p99": (pytest.approx(np.quantile(times[..., 0], 0.99)), "ms"),
        "latency.batch_8.dense_throughput": (2000.0, "samples/s"),
        "latency.batch_8.pruned": (2.0, "ms"),
        "latency.batch_8.pruned_p90": (2.0, "ms"),
        "latency.batch_8.pruned_p99": (pytest.approx(np.quantile(times[..., 1], 0.99)), "ms"),
        "latency.batch_8.pruned_throughput": (4000.0, "samples/s"),
        "latency.batch_8.ratio": (pytest.approx(0.5), "×"),
        "latency.batch_8.verdict": (-1, ""),
    }
    assert found["latency.batch_8.dense"].note == "here"
    ratio = found["latency.batch_8.ratio"]
    assert ratio.low <= ratio.value <= ratio.high
    assert ratio.note == "pruned / dense, 5 rounds of 40 pairs"
    assert found["latency.batch_8.verdict"].note == (
        "faster: the 95 % interval 0.500–0.500 is outside 0.990–1.010"
    )


def test_a_session_has_no_throughput_and_may_leave_doubt():
    found = latency_metrics("session", np.ones((5, 2, 1, 1, 2)), "here")
    assert not [name for name in found if "throughput" in name]
    assert found["latency.session.verdict"].value == 0
    assert found["latency.session.verdict"].note == (
        "undecided: the 95 % interval 1.000–1.000 is not outside 0.990–1.010"
    )
